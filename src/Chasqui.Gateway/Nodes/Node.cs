using System.Collections.Frozen;

namespace Chasqui.Gateway.Nodes;

/// <summary>One node and all that is known of it. Thread-safe.</summary>
public sealed class Node : IAsyncDisposable
{
    // Ollama runs one request of a model at a time unless it is told otherwise; servers of OpenAI's API batch, and none of them says how many.
    private const int GuessedSlots = 1;
    private const int GuessedBatch = 64;

    private readonly TimeProvider _time;
    private volatile Known _known = Known.Nothing;
    // Models of one node are few; beyond this no more are remembered.
    private const int MostIgnoring = 1024;

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _ignoring = new(ModelNames.Comparer);
    private volatile bool _refusesUsage;
    private long _lastProgress;
    private int _changes;
    private int _told;

    /// <summary>Makes a node that has not answered yet.</summary>
    public Node(NodeOptions options, INodeConnection connection, RoutingOptions routing, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Connection = connection;
        _time = time;
        _lastProgress = time.GetTimestamp();
        Health = new NodeHealth(routing, time);
        Provider = options.Kind switch
        {
            NodeKind.Embedded => "llama.cpp",
            NodeKind.Chasqui => "chasqui",
            NodeKind.OpenAi => "openai",
            _ => "ollama",
        };
        if (Uri.TryCreate(options.Url, UriKind.Absolute, out var url))
            (Host, Port) = (url.Host.Length > 0 ? url.Host : url.LocalPath, Math.Max(0, url.Port));
    }

    /// <summary>As configured.</summary>
    public NodeOptions Options { get; }

    /// <summary>Its name.</summary>
    public string Name => Options.Name;

    /// <summary>Its kind in the words of telemetry.</summary>
    internal string Provider { get; }

    /// <summary>Its host; null where it is in the house.</summary>
    internal string? Host { get; }

    /// <summary>Its port; 0 for none.</summary>
    internal int Port { get; }

    /// <summary>How it is reached.</summary>
    public INodeConnection Connection { get; }

    /// <summary>Whether it can be used.</summary>
    public NodeHealth Health { get; }

    /// <summary>How fast it has been.</summary>
    public NodeSpeed Speed { get; } = new();

    /// <summary>Requests it has from this gateway now.</summary>
    public int InFlight => Load.Count;

    /// <summary>Requests it was ever given.</summary>
    public long Requests => Load.Total;

    /// <summary>What it said last; null when it has never answered.</summary>
    public NodeReport? Report => _known.Report;

    /// <summary>Whether it passes over how the tools of a request are to be used.</summary>
    public bool IgnoresToolChoice => _known.Report?.IgnoresToolChoice ?? false;

    /// <summary>Whether an answer of it is surely a call where the request demands one.</summary>
    public bool HoldsToolChoice => _known.Report?.HoldsToolChoice ?? false;

    /// <summary>
    /// Whether a model of it has answered a request that demands a call with something else. Learned when it does, and forgotten with the
    /// node.
    /// </summary>
    public bool HasIgnoredToolChoice(string model) => !_ignoring.IsEmpty && _ignoring.ContainsKey(model);

    /// <summary>A model of it has answered a request that demands a call with something else.</summary>
    /// <returns>Whether that was not known.</returns>
    public bool NoteIgnoredToolChoice(string model) => _ignoring.Count < MostIgnoring && _ignoring.TryAdd(model, true);

    /// <summary>Whether it answers a request that only asks to be shown its prompt.</summary>
    public bool IgnoresRenderOnly => _known.Report?.IgnoresRenderOnly ?? false;

    /// <summary>Whether it refuses a stream that is asked to count its tokens, as some old servers of OpenAI's API do. Learned when it does, and forgotten with the node.</summary>
    public bool RefusesUsage { get => _refusesUsage; set => _refusesUsage = value; }

    /// <summary>Languages that its passage takes.</summary>
    public Dialects Dialects => Connection.Passage is null ? Dialects.None : _known.Report?.Dialects ?? Dialects.None;

    /// <summary>A model that others have used within this time is theirs too: five minutes, as long as a model usually stays.</summary>
    public static TimeSpan UsedFor { get; } = TimeSpan.FromMinutes(5);

    /// <summary>Why a caller may not send a model away: it is pinned, or others use it. Who has the scope <c>models</c> may always.</summary>
    /// <param name="model">The model's canonical name.</param>
    /// <param name="caller">The caller.</param>
    /// <returns>What follows the words "a model which"; null where it may.</returns>
    public string? WhyHeld(string model, Caller caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        // A server that batches decides itself what is in its memory.
        if (caller.Has(Scopes.Models) || IsBatching)
            return null;
        if (Resident(model)?.ExpiresAt == DateTimeOffset.MaxValue)
            return "is pinned";
        return Load.HasOthers(model, caller.Id, out var last) || (last is { } at && _time.GetElapsedTime(at) < UsedFor) ? "is used by others" : null;
    }

    internal NodeLoad Load { get; } = new();

    /// <summary>Time since any of its requests got further, or since it was last idle and well.</summary>
    internal TimeSpan SinceProgress => _time.GetElapsedTime(Volatile.Read(ref _lastProgress));

    /// <summary>Set when a caller left who had waited in vain: the next idle moment is for finding out.</summary>
    internal bool IsSuspect { get; set; }

    /// <summary>The model under this canonical name, if it has it and may be asked for it.</summary>
    public ModelSummary? Find(string model) => _known.Models.GetValueOrDefault(model);

    /// <summary>Its models by canonical name.</summary>
    public IReadOnlyDictionary<string, ModelSummary> Models => _known.Models;

    /// <summary>The model in its memory, if it is there.</summary>
    public ResidentModel? Resident(string model) => _known.Resident.GetValueOrDefault(model);

    /// <summary>The models in its memory by canonical name, but for those that it may not be asked for.</summary>
    public IReadOnlyDictionary<string, ResidentModel> ResidentModels => _known.Resident;

    /// <summary>The canonical names of the models in its memory.</summary>
    internal IEnumerable<string> ResidentNames => _known.Resident.Keys;

    /// <summary>Requests of a model that it runs at once.</summary>
    public int SlotsOf(string model) =>
        Options.Slots ?? (Resident(model) is { Slots: > 0 and var slots } ? slots : _known.Report?.Slots ?? (IsBatching ? GuessedBatch : GuessedSlots));

    // As configured, or as it turned out.
    private bool IsBatching => Options.Kind == NodeKind.OpenAi || _known.Report?.Server == NodeServer.OpenAi;

    /// <summary>Requests of others than this gateway, as far as it tells.</summary>
    internal int Foreign => _known.Foreign;

    /// <summary>Whether these models fit into its memory together, as far as is known.</summary>
    internal bool Holds(string model, IReadOnlyCollection<string> beside)
    {
        if (Options.MaxModels is { } most && beside.Count + 1 > most)
            return false;
        if (Options.Memory is not { } memory)
            return true;
        var bytes = SizeOf(model);
        foreach (var other in beside)
            bytes += SizeOf(other);
        return bytes <= memory;
    }

    private long SizeOf(string model) => Resident(model) is { SizeBytes: > 0 and var there } ? there : Find(model)?.SizeBytes ?? 0;

    /// <summary>How often its models were changed from here.</summary>
    internal int Changes => Volatile.Read(ref _changes);

    /// <summary>Whether it was asked after the last of these changes what it has.</summary>
    internal bool IsUpToDate => Volatile.Read(ref _told) == Changes;

    /// <summary>Its models are others now than it has told.</summary>
    internal void Changed() => Interlocked.Increment(ref _changes);

    internal void Progressed() => Volatile.Write(ref _lastProgress, _time.GetTimestamp());

    /// <summary>It said what it has.</summary>
    /// <param name="report">What it said.</param>
    /// <param name="nameOf">The canonical name of a model that may be asked for; null for others.</param>
    /// <param name="inFlightBefore">Requests that it had from here when it was asked.</param>
    /// <param name="changes"><see cref="Changes"/> when it was asked; null for those there are now.</param>
    internal void Reported(NodeReport report, Func<ModelSummary, string?> nameOf, int inFlightBefore = 0, int? changes = null)
    {
        var models = new Dictionary<string, ModelSummary>(ModelNames.Comparer);
        foreach (var model in report.Models)
        {
            if (nameOf(model) is { } name)
                models.TryAdd(name, model);
        }
        var resident = new Dictionary<string, ResidentModel>(ModelNames.Comparer);
        foreach (var model in report.Resident)
        {
            if (nameOf(model.Summary) is { } name)
                resident.TryAdd(name, model);
        }
        var busy = report.BusySlots ?? report.Resident.Sum(m => m.Running + m.Waiting);
        _known = new Known(report, models.ToFrozenDictionary(ModelNames.Comparer), resident.ToFrozenDictionary(ModelNames.Comparer), Options.Kind == NodeKind.Embedded ? 0 : Math.Max(0, busy - Math.Max(inFlightBefore, InFlight)));
        Volatile.Write(ref _told, changes ?? Changes);
    }

    /// <summary>Ends its requests and its connections.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var lease in Load.Snapshot())
            lease.Expire(new EngineUnavailableException($"node {Name} is no longer configured"));
        await Connection.DisposeAsync().ConfigureAwait(false);
    }

    private sealed record Known(NodeReport? Report, FrozenDictionary<string, ModelSummary> Models, FrozenDictionary<string, ResidentModel> Resident, int Foreign)
    {
        public static Known Nothing { get; } = new(null, FrozenDictionary<string, ModelSummary>.Empty, FrozenDictionary<string, ResidentModel>.Empty, 0);
    }
}
