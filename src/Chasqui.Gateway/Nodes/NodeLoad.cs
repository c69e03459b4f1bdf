
namespace Chasqui.Gateway.Nodes;

/// <summary>The requests that a node has from this gateway. Thread-safe.</summary>
internal sealed class NodeLoad
{
    private readonly Lock _gate = new();
    private readonly HashSet<NodeLease> _leases = [];
    private readonly Dictionary<string, NodeLease> _kept = new(ModelNames.Comparer);
    private readonly Dictionary<string, int> _byModel = new(ModelNames.Comparer);
    private readonly ModelUses _uses = new();
    private bool _keepsNone;
    private int _count;
    private long _total;
    private long _pending;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Requests it was ever given.</summary>
    public long Total => Volatile.Read(ref _total);

    /// <summary>Prompt tokens that it has yet to compute, as estimated.</summary>
    public long PendingTokens => Volatile.Read(ref _pending);

    /// <summary>A request's prompt is computed.</summary>
    public void Begun(NodeLease lease, long now)
    {
        lock (_gate)
        {
            Computed(lease);
            Note(lease, now);
        }
    }

    /// <summary>Whether another caller than the given one has requests of a model here now.</summary>
    /// <param name="model">The model's canonical name.</param>
    /// <param name="caller">The caller's id.</param>
    /// <param name="last">When others have used it last, as a timestamp; null for never.</param>
    public bool HasOthers(string model, string caller, out long? last)
    {
        lock (_gate)
        {
            last = _uses.LastOfOthers(model, caller);
            return _leases.Any(lease => lease.Request.Loads && ModelNames.Same(lease.Model, model) && lease.IsOfOthers(caller));
        }
    }

    public int Of(string model)
    {
        lock (_gate)
            return _byModel.GetValueOrDefault(model);
    }

    public void Add(NodeLease lease)
    {
        lock (_gate)
        {
            _leases.Add(lease);
            _byModel[lease.Model] = _byModel.GetValueOrDefault(lease.Model) + 1;
            _count++;
            lease.Number = ++_total;
            _pending += lease.ColdTokens;
            lease.IsPending = true;
        }
    }

    /// <summary>Lets a request go on without its caller, one for each model: the oldest, since it is the one that the node loads for.</summary>
    public bool TryKeep(NodeLease lease)
    {
        lock (_gate)
            return !_keepsNone && !_leases.Any(lease.LoadsAfter) && _leases.Contains(lease) && _kept.TryAdd(lease.Model, lease);
    }

    /// <summary>The request of a model that goes on without its caller; null for none.</summary>
    public NodeLease? Kept(string model)
    {
        lock (_gate)
            return _kept.Count > 0 ? _kept.GetValueOrDefault(model) : null;
    }

    /// <summary>From now on no request goes on without its caller.</summary>
    /// <returns>Those that do.</returns>
    public NodeLease[] KeepNone()
    {
        lock (_gate)
        {
            _keepsNone = true;
            return [.. _kept.Values];
        }
    }

    public void Remove(NodeLease lease, long now)
    {
        lock (_gate)
        {
            if (!_leases.Remove(lease))
                return;
            if (lease.HasBegun)
                Note(lease, now);
            _count--;
            if (_kept.GetValueOrDefault(lease.Model) == lease)
                _kept.Remove(lease.Model);
            Computed(lease);
            if (--_byModel[lease.Model] == 0)
                _byModel.Remove(lease.Model);
        }
    }

    public NodeLease[] Snapshot()
    {
        lock (_gate)
            return [.. _leases];
    }

    /// <summary>Only a model that has answered is known to be one, so that names that clients make up are not remembered.</summary>
    private void Note(NodeLease lease, long now)
    {
        if (lease.Request.Loads)
            lease.Note(_uses, now);
    }

    /// <summary>Once, whether its answer began or it was given back, and in whatever order.</summary>
    private void Computed(NodeLease lease)
    {
        if (lease.IsPending)
            _pending -= lease.ColdTokens;
        lease.IsPending = false;
    }
}
