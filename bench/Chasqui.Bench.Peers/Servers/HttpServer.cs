using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>JSON over HTTP: an echo, a stream as Ollama's, a stream as OpenAI's.</summary>
internal sealed class HttpServer(bool http2) : IKestrelApp
{
    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count) => kestrel.Listen(IPAddress.Loopback, 0, listen =>
    {
        listen.Protocols = http2 ? HttpProtocols.Http2 : HttpProtocols.Http1;
        count(listen);
    });

    public void AddServices(IServiceCollection services) =>
        services.ConfigureHttpJsonOptions(o => o.SerializerOptions.TypeInfoResolverChain.Insert(0, BodyJson.Default));

    public void Map(WebApplication app)
    {
        var tokens = app.Services.GetRequiredService<TokenSource>();
        app.MapPost("/echo", (EchoJson body) => new EchoJson(body.Data));
        app.MapPost("/api/generate", (HttpContext context, TokenJson request) => StreamAsync(context, request, tokens, ollama: true));
        app.MapPost("/v1/chat/completions", (HttpContext context, TokenJson request) => StreamAsync(context, request, tokens, ollama: false));
    }

    private static async Task StreamAsync(HttpContext context, TokenJson request, TokenSource tokens, bool ollama)
    {
        var stopped = context.RequestAborted;
        context.Response.ContentType = ollama ? "application/x-ndjson" : "text/event-stream";
        var output = context.Response.BodyWriter;
        try
        {
            await foreach (var text in tokens.ReadAsync(request.Tokens, stopped))
            {
                if (ollama)
                    WriteLine(output, request.Model, text);
                else
                    WriteEvent(output, request.Model, text);
                await output.FlushAsync(stopped);
            }
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // The client has gone, which is how a stream without end ends.
            return;
        }
    }

    private static void WriteLine(System.IO.Pipelines.PipeWriter output, string model, string text)
    {
        Write(output, JsonSerializer.SerializeToUtf8Bytes(new OllamaLine(model, DateTimeOffset.UtcNow, text, false), BodyJson.Default.OllamaLine));
        Write(output, "\n"u8);
    }

    private static void WriteEvent(System.IO.Pipelines.PipeWriter output, string model, string text)
    {
        Write(output, "data: "u8);
        var chunk = new OpenAIChunk(
            "chatcmpl-417", "chat.completion.chunk", DateTimeOffset.UtcNow.ToUnixTimeSeconds(), model, "fp_ollama", [new OpenAIChoice(0, new OpenAIDelta("assistant", text), null)]);
        Write(output, JsonSerializer.SerializeToUtf8Bytes(chunk, BodyJson.Default.OpenAIChunk));
        Write(output, "\n\n"u8);
    }

    private static void Write(System.IO.Pipelines.PipeWriter output, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }
}
