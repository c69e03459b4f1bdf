using Chasqui.Gateway.Routing;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Tests.Scheduling;

/// <summary>A node of the world: what it has, and what it was given. It says so itself when it is given more than it has slots for.</summary>
internal sealed class WorldNode(string name, int slots, int maxModels, params string[] models) : ISlotNode
{
    public string Name => name;

    public bool IsUsable { get; set; } = true;

    public bool SharesSlots { get; init; }

    public int Foreign { get; set; }

    public int SlotCount { get; set; } = slots;

    public double Load { get; init; } = 2;

    public double Service { get; init; } = 1;

    public List<Ticket> Running { get; } = [];

    public bool Has(string model) => models.Contains(model);

    public int Slots(string model) => SlotCount;

    public bool Fits(string model, IReadOnlyCollection<string> beside) => beside.Count + 1 <= maxModels;

    public double LoadSeconds(string model) => Load;

    public double ServiceSeconds(string model) => Service;

    public RouteCandidate Describe(Ticket ticket, int index, bool isResident) => new()
    {
        Index = index,
        Weight = 1,
        LoadSeconds = isResident ? 0 : Load,
        ServiceSeconds = Service,
        PromptTokensPerSecond = 1_000,
    };
}

/// <summary>A scheduler, nodes and virtual time: requests take as long as they are told to.</summary>
internal sealed class World
{
    private readonly PriorityQueue<Action, (TimeSpan, int)> _events = new();
    private readonly Dictionary<WorldNode, string?> _lastModel = [];
    private int _number;

    public World(QueueOptions? options = null, params WorldNode[] nodes)
    {
        Nodes = nodes;
        Scheduler = new Scheduler(options ?? new QueueOptions(), new Random(1));
        Scheduler.Use(nodes, TimeSpan.Zero);
    }

    public Scheduler Scheduler { get; }

    public IReadOnlyList<WorldNode> Nodes { get; }

    public TimeSpan Now { get; private set; }

    public List<Ticket> Done { get; } = [];

    public List<(Ticket Ticket, Refusal Refusal)> Refused { get; } = [];

    /// <summary>Told of every grant.</summary>
    public Action<Ticket>? OnGrant { get; set; }

    public void At(double seconds, Action action) => _events.Enqueue(action, (TimeSpan.FromSeconds(seconds), _number++));

    /// <summary>A request at this moment.</summary>
    /// <param name="ticket">The request.</param>
    /// <param name="seconds">How long it takes, without a load.</param>
    /// <param name="actual">Tokens it takes in truth; as estimated where null.</param>
    public void Ask(Ticket ticket, double seconds, long? actual = null)
    {
        _work[ticket] = (seconds, actual);
        if (Scheduler.Enqueue(ticket, Now) is { } refusal)
            Refused.Add((ticket, refusal));
        else if (ticket.State == TicketState.Granted)
            Start(ticket);
        Drain();
    }

    private readonly Dictionary<Ticket, (double Seconds, long? Actual)> _work = [];

    public override string ToString() =>
        $"{Now} waiting {Scheduler.Waiting}, running {Scheduler.Running}; {string.Join(", ", Scheduler.Lanes())}; {string.Join(", ", Scheduler.Nodes())}";

    /// <summary>Lets time pass until nothing more happens, or until a moment.</summary>
    public void Run(double until = double.MaxValue)
    {
        while (true)
        {
            var wake = Scheduler.NextWake();
            var next = _events.TryPeek(out _, out var key) ? key.Item1 : TimeSpan.MaxValue;
            if (wake is { } w && w < next && w.TotalSeconds <= until)
            {
                Now = w > Now ? w : Now;
                Scheduler.Changed(Now);
                Drain();
                continue;
            }
            if (next == TimeSpan.MaxValue || next.TotalSeconds > until)
                return;
            Now = next > Now ? next : Now;
            _events.Dequeue()();
            Drain();
        }
    }

    private void Drain()
    {
        while (Scheduler.TakeGranted() is { Count: > 0 } granted)
        {
            foreach (var ticket in granted)
            {
                // Whoever got it at once was begun by whoever asked.
                if (_started.Add(ticket))
                    Begin(ticket);
            }
        }
        foreach (var node in Nodes)
        {
            foreach (var group in node.Running.GroupBy(ticket => node.SharesSlots ? "" : ticket.Model))
                Assert.True(group.Count() + node.Foreign <= Math.Max(node.SlotCount, node.Foreign), $"{node.Name} runs {group.Count()} of {group.Key}");
        }
    }

    private readonly HashSet<Ticket> _started = [];

    private void Start(Ticket ticket)
    {
        if (_started.Add(ticket))
            Begin(ticket);
    }

    private void Begin(Ticket ticket)
    {
        var node = (WorldNode)ticket.Granted!;
        Assert.True(node.IsUsable);
        node.Running.Add(ticket);
        _lastModel[node] = ticket.Model;
        OnGrant?.Invoke(ticket);
        var (seconds, actual) = _work[ticket];
        var load = ticket.Loads ? node.Load : 0;
        if (ticket.Loads)
            At((Now + TimeSpan.FromSeconds(load)).TotalSeconds, () => Scheduler.Began(ticket, Now));
        At((Now + TimeSpan.FromSeconds(load + seconds)).TotalSeconds, () =>
        {
            if (!node.Running.Remove(ticket))
                return;
            Done.Add(ticket);
            Scheduler.Release(ticket, actual, succeeded: true, Now);
        });
    }
}
