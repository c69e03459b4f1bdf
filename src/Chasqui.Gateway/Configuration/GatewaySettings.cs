namespace Chasqui.Gateway;

/// <summary>The part of the configuration that may change while the gateway runs. Immutable.</summary>
public sealed record GatewaySettings
{
    /// <summary>The nodes beside the embedded engine; null, the default, for the Ollama on its usual port of this machine, if there is one.</summary>
    public IReadOnlyList<NodeOptions>? Nodes { get; init; }

    /// <summary>How requests find their node.</summary>
    public RoutingOptions Routing { get; init; } = new();

    /// <summary>How requests wait.</summary>
    public QueueOptions Queue { get; init; } = new();

    /// <summary>How requests are merged.</summary>
    public MergingOptions Merging { get; init; } = new();

    /// <summary>How answers are kept.</summary>
    public CacheOptions Cache { get; init; } = new();

    /// <summary>Names and patterns of the models that clients see.</summary>
    public CatalogueOptions Catalogue { get; init; } = new();

    /// <summary>Rules for clients' options, the first that names a model holds.</summary>
    public IReadOnlyList<ModelPolicy> Policies { get; init; } = [];

    /// <summary>How traffic is shaped.</summary>
    public LimitOptions Limits { get; init; } = new();
}

/// <summary>The settings that hold now, and word of new ones. Thread-safe.</summary>
public interface IGatewaySettings
{
    /// <summary>The settings that hold now; the same object until they change, and a new one then.</summary>
    GatewaySettings Current { get; }

    /// <summary>Calls <paramref name="listener"/> with every later settings, after <see cref="Current"/> has them, one change at a time and in order.</summary>
    /// <returns>Ends the calls when disposed; one that has begun may still end after that.</returns>
    IDisposable OnChange(Action<GatewaySettings> listener);
}
