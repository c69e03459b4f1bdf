
namespace Chasqui.Gateway.Scheduling;

/// <summary>What a scheduler knows of one node: whom it runs, which models it has in memory, and for whom its memory is being cleared.</summary>
internal sealed class NodeSlots(ISlotNode node, NodePool pool)
{
    private readonly Dictionary<string, int> _running = new(ModelNames.Comparer);
    private readonly Dictionary<string, int> _loading = new(ModelNames.Comparer);

    // The moments at which the requests of a model got their slots, added up.
    private readonly Dictionary<string, TimeSpan> _since = new(ModelNames.Comparer);

    // In the order of their last use, the oldest first: so nodes make room.
    private readonly List<string> _resident = [];
    private readonly HashSet<string> _isResident = new(ModelNames.Comparer);

    public ISlotNode Node => node;

    /// <summary>Its place in the list; negative when it is no longer there.</summary>
    public int Index { get; set; }

    /// <summary>Requests it runs.</summary>
    public int Running { get; private set; }

    /// <summary>The lane that it takes nobody else for, until it has run dry and can load that model.</summary>
    public Lane? ClearingFor { get; set; }

    /// <summary>Since when it has had the model that was loaded last.</summary>
    public TimeSpan LoadedAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>When its memory last changed as far as this scheduler knows.</summary>
    public TimeSpan ChangedAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>Models in memory, and those that are on their way there.</summary>
    public List<string> Resident => _resident;

    public bool IsLoading => _loading.Count > 0;

    public bool IsResident(string model) => _isResident.Contains(model);

    public bool IsBeingLoaded(string model) => _loading.ContainsKey(model);

    /// <summary>Seconds for which a request of the model holds its slot: as measured, but not less than those that run now have taken in the mean, which is all that is known at first.</summary>
    public double ServiceSeconds(string model, TimeSpan now)
    {
        var measured = node.ServiceSeconds(model);
        return RunningOf(model) is > 0 and var running && !IsBeingLoaded(model)
            ? Math.Max(measured, ((now * running) - _since.GetValueOrDefault(model)).TotalSeconds / running)
            : measured;
    }

    /// <summary>Seconds until a load that is under way has ended, as expected; 0 for none.</summary>
    public double LoadLeft(string model, TimeSpan now) => IsBeingLoaded(model) ? Math.Max(0, node.LoadSeconds(model) - (now - LoadedAt).TotalSeconds) : 0;

    public int RunningOf(string model) => _running.GetValueOrDefault(model);

    public int Free(string model) => node.Slots(model) - node.Foreign - (node.SharesSlots ? Running : RunningOf(model));

    /// <summary>Whether the model fits beside those that run.</summary>
    public bool FitsBesideRunning(string model)
    {
        if (_running.Count == 0 || (_running.Count == 1 && _running.ContainsKey(model)))
            return node.Fits(model, []);
        return node.Fits(model, [.. _running.Keys.Where(one => !ModelNames.Comparer.Equals(one, model))]);
    }

    /// <summary>Whether the model fits beside all that are in memory.</summary>
    public bool FitsBesideAll(string model) => node.Fits(model, _resident);

    public void Begin(Ticket ticket, TimeSpan now)
    {
        Running++;
        _running[ticket.Model] = RunningOf(ticket.Model) + 1;
        ticket.GrantedAt = now;
        _since[ticket.Model] = _since.GetValueOrDefault(ticket.Model) + now;
        ticket.Loads = !IsResident(ticket.Model) || IsBeingLoaded(ticket.Model);
        if (!IsResident(ticket.Model))
            Load(ticket.Model, now);
        else
            Use(ticket.Model);
        if (ticket.Loads)
            _loading[ticket.Model] = _loading.GetValueOrDefault(ticket.Model) + 1;
    }

    public void End(Ticket ticket, TimeSpan now, bool succeeded)
    {
        Running--;
        if (RunningOf(ticket.Model) is > 1 and var others)
        {
            _running[ticket.Model] = others - 1;
            _since[ticket.Model] -= ticket.GrantedAt;
        }
        else
        {
            _running.Remove(ticket.Model);
            _since.Remove(ticket.Model);
        }
        if (!ticket.Loads || !_loading.TryGetValue(ticket.Model, out var loading))
            return;
        // The last one who waited for a load that has not been seen to end takes the model with him, but if he was served.
        if (loading > 1)
            _loading[ticket.Model] = loading - 1;
        else if (succeeded)
            Loaded(ticket.Model, now);
        else if (_loading.Remove(ticket.Model))
            Forget(ticket.Model, now);
    }

    /// <summary>The model has answered, and so is in memory.</summary>
    public void Loaded(string model, TimeSpan now)
    {
        if (_loading.Remove(model))
            LoadedAt = ChangedAt = now;
    }

    /// <summary>The node has told what it has.</summary>
    /// <param name="models">All that are in its memory.</param>
    /// <param name="asOf">When it was asked.</param>
    /// <returns>Whether that is news.</returns>
    public bool Reported(IEnumerable<string> models, TimeSpan asOf)
    {
        // It was asked before something that is known to have happened.
        if (asOf < ChangedAt)
            return false;
        var now = models.ToHashSet(ModelNames.Comparer);
        var gone = _resident.Where(model => !now.Contains(model) && !_loading.ContainsKey(model)).ToList();
        gone.ForEach(Remove);
        var come = now.Where(model => !IsResident(model)).Order(ModelNames.Comparer).ToList();
        come.ForEach(Add);
        return gone.Count + come.Count > 0;
    }

    private void Load(string model, TimeSpan now)
    {
        // What has to go for it goes in the order of last use, and never what runs.
        while (_resident.Count > 0 && !node.Fits(model, _resident) && _resident.Find(one => RunningOf(one) == 0) is { } oldest)
            Remove(oldest);
        Add(model);
        LoadedAt = ChangedAt = now;
    }

    private void Use(string model)
    {
        if (_resident.Count < 2 || ModelNames.Comparer.Equals(_resident[^1], model))
            return;
        var at = _resident.FindIndex(one => ModelNames.Comparer.Equals(one, model));
        var name = _resident[at];
        _resident.RemoveAt(at);
        _resident.Add(name);
    }

    private void Forget(string model, TimeSpan now)
    {
        if (IsResident(model))
            Remove(model);
        ChangedAt = now;
    }

    private void Add(string model)
    {
        _resident.Add(model);
        _isResident.Add(model);
        pool.Came(this, model);
    }

    private void Remove(string model)
    {
        _resident.RemoveAt(_resident.FindIndex(one => ModelNames.Comparer.Equals(one, model)));
        _isResident.Remove(model);
        pool.Went(this, model);
    }
}
