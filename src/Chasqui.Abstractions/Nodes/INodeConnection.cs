namespace Chasqui;

/// <summary>One node that runs models, as the gateway reaches it. Thread-safe.</summary>
public interface INodeConnection : IAsyncDisposable
{
    /// <summary>The node's models by their types, for requests in a language that the node does not speak. It is an <see cref="IModelManager"/> too where the node can be asked to fetch models.</summary>
    IEngine Engine { get; }

    /// <summary>Takes requests in the node's own languages; null where it has none.</summary>
    IHttpPassage? Passage { get; }

    /// <summary>Takes requests of MCP as they are; null where the node does not speak it.</summary>
    IMessagePassage? Messages => null;

    /// <summary>Asks the node what it has and does. Loads nothing, and takes no more than a few milliseconds of the node's time.</summary>
    /// <exception cref="EngineException">It does not answer.</exception>
    Task<NodeReport> ReportAsync(CancellationToken cancellationToken);
}

/// <summary>What a node has and does.</summary>
public sealed record NodeReport
{
    /// <summary>Languages that its passage takes as they are.</summary>
    public Dialects Dialects { get; init; }

    /// <summary>The models that it can run.</summary>
    public IReadOnlyList<ModelSummary> Models { get; init; } = [];

    /// <summary>The models that are in its memory.</summary>
    public IReadOnlyList<ResidentModel> Resident { get; init; } = [];

    /// <summary>Requests that it runs at once, for each resident model; null where it does not say.</summary>
    public int? Slots { get; init; }

    /// <summary>Of them in use, by whomever; null where it does not say.</summary>
    public int? BusySlots { get; init; }

    /// <summary>What it is and its version, for people, e.g. <c>Ollama 0.33.0</c>.</summary>
    public string Software { get; init; } = "";

    /// <summary>Whether it passes over what a request says of how its tools are to be used, as Ollama does in each of its languages.</summary>
    public bool IgnoresToolChoice { get; init; }

    /// <summary>Whether the answer is surely a call where the request demands one. Of another node it is looked at.</summary>
    public bool HoldsToolChoice { get; init; }

    /// <summary>Whether it passes over <c>_debug_render_only</c> and answers instead, as servers do that are no Ollama.</summary>
    public bool IgnoresRenderOnly { get; init; }

    /// <summary>What it turned out to be.</summary>
    public NodeServer Server { get; init; }
}

/// <summary>Servers that differ in what must be guessed of them.</summary>
public enum NodeServer
{
    /// <summary>One that tells.</summary>
    Other,

    /// <summary>Ollama: it runs one request of a model at a time unless it was started otherwise, and does not tell.</summary>
    Ollama,

    /// <summary>A server of OpenAI's API: it decodes many at a time, and seldom tells how many.</summary>
    OpenAi,
}
