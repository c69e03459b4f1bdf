
namespace Chasqui.Gateway.Scheduling;

/// <summary>Those who wait: lane by lane, and by the moment at which they have waited for too long.</summary>
internal sealed class WaitingLine
{
    private static readonly List<Lane> _none = [];

    private readonly Dictionary<LaneKey, Lane> _lanes = [];
    private readonly Dictionary<string, List<Lane>> _byModel = new(ModelNames.Comparer);
    private readonly Deadlines _deadlines = new();

    /// <summary>Requests in line.</summary>
    public int Count { get; private set; }

    /// <summary>What each caller has had.</summary>
    public Shares Shares { get; } = new();

    public Dictionary<LaneKey, Lane>.ValueCollection Lanes => _lanes.Values;

    public Lane? Find(in LaneKey key) => _lanes.Count == 0 ? null : _lanes.GetValueOrDefault(key);

    /// <summary>Lanes of a model.</summary>
    public List<Lane> For(string model) => _byModel.Count > 0 && _byModel.TryGetValue(model, out var lanes) ? lanes : _none;

    /// <returns>Its lane.</returns>
    public Lane Add(Ticket ticket, CallerShare share, TimeSpan until)
    {
        var key = LaneKey.Of(ticket);
        if (!_lanes.TryGetValue(key, out var lane))
        {
            _lanes.Add(key, lane = Lane.Of(ticket));
            if (!_byModel.TryGetValue(key.Model, out var lanes))
                _byModel.Add(key.Model, lanes = []);
            lanes.Add(lane);
        }
        ticket.State = TicketState.Waiting;
        ticket.Share = share;
        lane.Add(ticket, share);
        Shares.Waits(share, 1);
        Count++;
        _deadlines.Add(ticket, until, Count);
        return lane;
    }

    /// <returns>Its lane, which may be empty and out of the line now.</returns>
    public Lane Remove(Ticket ticket)
    {
        var lane = ticket.Lane!;
        lane.Remove(ticket);
        Shares.Waits(ticket.Share!, -1);
        Count--;
        if (lane.Count > 0)
            return lane;
        _lanes.Remove(lane.Key);
        var lanes = _byModel[lane.Model];
        lanes.Remove(lane);
        if (lanes.Count == 0)
            _byModel.Remove(lane.Model);
        return lane;
    }

    /// <summary>The next one in line whose time is up; it stays in line.</summary>
    public Ticket? NextDue(TimeSpan now) => _deadlines.TakeDue(now);
}
