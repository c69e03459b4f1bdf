namespace Chasqui.OllamaDouble;

/// <summary>The parts of the node, which outlive its listener.</summary>
internal sealed class NodeParts
{
    private DoubleScript _script;

    public NodeParts(DoubleScript script, TimeProvider time)
    {
        script.Validate();
        _script = script;
        Time = time;
        Faults = new Faults(script.Faults);
        Store = new ModelStore(time);
        Store.Seed(script);
        Scheduler = new Scheduler(() => Script, time, Counters);
        Engine = new Engine(() => Script, Scheduler, time, Counters);
        Reader = new GenerationReader(Store, () => Script);
        Embeddings = new Embeddings(Store, Engine);
        Management = new Management(() => Script, Store, Scheduler, time);
    }

    public TimeProvider Time { get; }

    public DoubleCounters Counters { get; } = new();

    public RequestLog Log { get; } = new();

    public ModelStore Store { get; }

    public Scheduler Scheduler { get; }

    public Engine Engine { get; }

    public GenerationReader Reader { get; }

    public Embeddings Embeddings { get; }

    public Management Management { get; }

    public Faults Faults { get; private set; }

    public DoubleScript Script
    {
        get => Volatile.Read(ref _script);
        set
        {
            value.Validate();
            var old = Interlocked.Exchange(ref _script, value);
            if (!ReferenceEquals(old.Models, value.Models) || !ReferenceEquals(old.Blobs, value.Blobs))
                Store.Seed(value);
            if (!ReferenceEquals(old.Faults, value.Faults))
                Faults = new Faults(value.Faults);
            Counters.Changed();
        }
    }

    public DoubleState State => new()
    {
        Requests = Counters.Requests,
        RequestsByPath = Log.Paths(),
        InFlight = Counters.InFlight,
        MaxInFlight = Counters.MaxInFlight,
        Computing = Counters.Computing,
        MaxComputing = Counters.MaxComputing,
        WaitingForSlot = Counters.WaitingForSlot,
        SlotWaits = Counters.SlotWaits,
        Loading = Counters.Loading,
        PendingLoads = Counters.PendingLoads,
        Loads = Counters.Loads,
        Reloads = Counters.Reloads,
        AbortedLoads = Counters.AbortedLoads,
        Unloads = Counters.Unloads,
        Completions = Counters.Completions,
        Cancelled = Counters.Cancelled,
        Busy = Counters.Busy,
        Faults = Counters.Faults,
        Errors = Counters.Errors,
        Tokens = Counters.Tokens,
        WarmBlocks = Counters.WarmBlocks,
        ColdBlocks = Counters.ColdBlocks,
        Loaded = Scheduler.Loaded(),
    };
}
