using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>
/// A node of Ollama's kind that takes the same time for each call, and little more for each text in it, as a GPU does that is not full. It runs one call at a time.
/// <c>/calls</c> tells how many there were.
/// </summary>
internal sealed class FixedCostServer : IKestrelApp, IDisposable
{
    /// <summary>What a call takes, whatever is in it.</summary>
    private static readonly TimeSpan _call = TimeSpan.FromMilliseconds(5);

    /// <summary>What each text takes beside that.</summary>
    private static readonly TimeSpan _text = TimeSpan.FromMilliseconds(0.2);

    /// <summary>What a generation takes.</summary>
    private static readonly TimeSpan _generation = TimeSpan.FromMilliseconds(50);

    private static readonly byte[] _vector = JsonSerializer.SerializeToUtf8Bytes(Enumerable.Range(0, 64).Select(i => (i - 32) / 256f));

    private static readonly byte[] _show = System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(NodeAnswers.Show).Replace("\"tools\"", "\"embedding\"", StringComparison.Ordinal));

    private readonly SemaphoreSlim _turn = new(1);
    private long _calls;

    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count) => kestrel.Listen(IPAddress.Loopback, 0, listen =>
    {
        listen.Protocols = HttpProtocols.Http1;
        count(listen);
    });

    public void AddServices(IServiceCollection services)
    {
        // It needs none.
    }

    public void Map(WebApplication app)
    {
        app.MapGet("/calls", () => Volatile.Read(ref _calls).ToString(CultureInfo.InvariantCulture));
        app.MapGet("/api/version", http => SendAsync(http, NodeAnswers.Version));
        app.MapGet("/api/tags", http => SendAsync(http, NodeAnswers.Tags));
        app.MapGet("/api/ps", http => SendAsync(http, NodeAnswers.Resident));
        app.MapPost("/api/show", http => SendAsync(http, _show));
        app.MapPost("/api/embed", EmbedAsync);
        app.MapPost("/api/chat", async http =>
        {
            await RunAsync(_generation, http.RequestAborted);
            await SendAsync(http, NodeAnswers.OllamaAnswer);
        });
    }

    public void Dispose() => _turn.Dispose();

    private async Task EmbedAsync(HttpContext http)
    {
        using var request = await JsonDocument.ParseAsync(http.Request.Body, default, http.RequestAborted);
        var input = request.RootElement.GetProperty("input");
        var texts = input.ValueKind == JsonValueKind.Array ? input.GetArrayLength() : 1;
        await RunAsync(_call + (texts * _text), http.RequestAborted);
        var answer = new MemoryStream();
        answer.Write("{\"model\":\"bench\",\"embeddings\":["u8);
        for (var i = 0; i < texts; i++)
        {
            if (i > 0)
                answer.WriteByte((byte)',');
            answer.Write(_vector);
        }
        answer.Write("],\"total_duration\":5000000,\"load_duration\":1000,\"prompt_eval_count\":"u8);
        answer.Write(System.Text.Encoding.ASCII.GetBytes((texts * 12).ToString(CultureInfo.InvariantCulture)));
        answer.WriteByte((byte)'}');
        await SendAsync(http, answer.ToArray());
    }

    private async Task RunAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            Interlocked.Increment(ref _calls);
            await Task.Delay(time, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    private static async Task SendAsync(HttpContext http, byte[] json)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = json.Length;
        await http.Response.Body.WriteAsync(json);
    }
}
