using Chasqui.Engines.Http;
using Chasqui.Engines.Ollama;

namespace Chasqui.Engines.Tests;

/// <summary>Nodes under test, and what tests do with their answers.</summary>
internal static class Nodes
{
    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static HttpNodeOptions Options(Uri address, CallTimeouts? timeouts = null) => new() { Address = address, Name = "n1", Timeouts = timeouts ?? new CallTimeouts() };

    public static OllamaNode Ollama(Uri address, TimeProvider? time = null, CallTimeouts? timeouts = null) => new(Options(address, timeouts), null, time);

    public static GenerateRequest Prompt(string model = "mini") => new() { Model = model, Prompt = "Hello!" };

    public static async Task<List<T>> AllAsync<T>(IAsyncEnumerable<T> items)
    {
        var all = new List<T>();
        await foreach (var item in items.WithCancellation(Token))
            all.Add(item);
        return all;
    }

    /// <summary>Reads until it fails, and gives what came before.</summary>
    public static async Task<(List<T> Items, TException Error)> FailAsync<T, TException>(IAsyncEnumerable<T> items)
        where TException : Exception
    {
        var all = new List<T>();
        var error = await Assert.ThrowsAsync<TException>(async () =>
        {
            await foreach (var item in items.WithCancellation(Token))
                all.Add(item);
        });
        return (all, error);
    }
}
