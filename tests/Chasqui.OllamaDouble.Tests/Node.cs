using System.Text;
using System.Text.Json;

namespace Chasqui.OllamaDouble.Tests;

/// <summary>A running double with a client.</summary>
internal sealed class Node : IAsyncDisposable
{
    private Node(OllamaDouble node) => Double = node;

    public OllamaDouble Double { get; }

    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromMinutes(1) };

    public static async Task<Node> StartAsync(DoubleScript? script = null, TimeProvider? time = null) =>
        new(await OllamaDouble.StartAsync(script, time, cancellation: TestContext.Current.CancellationToken));

    public async Task<HttpResponseMessage> PostAsync(string path, string body, bool stream, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Double.Address, path)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        return await Client.SendAsync(request, stream ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead,
            cancellation);
    }

    public async Task<(int Status, string Body)> AskAsync(string path, string body)
    {
        using var answer = await PostAsync(path, body, false, TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public async Task<string> GetAsync(string path) => await Client.GetStringAsync(new Uri(Double.Address, path), TestContext.Current.CancellationToken);

    public Task<DoubleState> UntilAsync(Func<DoubleState, bool> met) => Double.WaitForAsync(met, TestContext.Current.CancellationToken);

    public static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Double.DisposeAsync();
    }
}
