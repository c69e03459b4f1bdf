using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>All nodes there are: those of the configuration, and the engine that comes with the gateway.</summary>
internal static class NodeList
{
    /// <summary>Where an Ollama listens that nobody has configured otherwise.</summary>
    public static NodeOptions UsualOllama { get; } = new() { Name = "ollama", Url = "http://127.0.0.1:11434", Kind = NodeKind.Ollama, IsImplied = true };

    private static readonly NodeOptions _embedded = new()
    {
        Name = NodeOptions.EmbeddedName,
        Url = "",
        Kind = NodeKind.Embedded,
        // A worker that is being started takes its time.
        Timeouts = new NodeTimeouts { Connect = TimeSpan.FromSeconds(30) },
    };

    /// <summary>The settings with all nodes in them.</summary>
    public static GatewaySettings Complete(GatewaySettings settings, bool engineEnabled)
    {
        var nodes = settings.Nodes ?? [UsualOllama];
        return settings with { Nodes = engineEnabled ? [.. nodes, _embedded] : nodes };
    }
}
