using Chasqui.Bench.Wire;
using Chasqui.OllamaDouble;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>A node that behaves like an Ollama: its slots, its loads, its one-at-a-time scheduler.</summary>
internal static class DoublePeer
{
    /// <param name="script">The path of a script in JSON.</param>
    /// <param name="control">The parent.</param>
    public static async Task<int> RunAsync(string script, Control control)
    {
        await using var node = await OllamaDouble.OllamaDouble.StartAsync(ScriptJson.Parse(await File.ReadAllTextAsync(script)));
        await control.SayAsync(new PeerAnswer { Port = node.Address.Port });
        await control.RunAsync(_ => Task.FromResult(new PeerAnswer()));
        return 0;
    }
}
