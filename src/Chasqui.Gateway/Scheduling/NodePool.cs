
namespace Chasqui.Gateway.Scheduling;

/// <summary>The nodes of a scheduler, and which of them have a model in memory.</summary>
internal sealed class NodePool
{
    private static readonly List<NodeSlots> _none = [];

    private readonly List<NodeSlots> _nodes = [];
    private readonly Dictionary<ISlotNode, NodeSlots> _byNode = [];
    private readonly Dictionary<string, List<NodeSlots>> _with = new(ModelNames.Comparer);

    /// <summary>All, in the order of their list.</summary>
    public List<NodeSlots> All => _nodes;

    /// <summary>Counts the changes of the list and of what is in memory.</summary>
    public int Epoch { get; private set; }

    /// <summary>Those that have a model in memory, or are loading it.</summary>
    public List<NodeSlots> With(string model) => _with.TryGetValue(model, out var nodes) ? nodes : _none;

    public NodeSlots? Find(ISlotNode node) => _byNode.GetValueOrDefault(node);

    /// <summary>Replaces the nodes.</summary>
    public void Use(IReadOnlyList<ISlotNode> nodes)
    {
        Epoch++;
        _nodes.Clear();
        foreach (var node in nodes)
        {
            if (!_byNode.TryGetValue(node, out var slots))
                _byNode.Add(node, slots = new NodeSlots(node, this));
            slots.Index = _nodes.Count;
            _nodes.Add(slots);
        }
        if (_byNode.Count == _nodes.Count)
            return;
        var kept = _nodes.ToHashSet();
        foreach (var (node, slots) in _byNode)
        {
            if (kept.Contains(slots))
                continue;
            _byNode.Remove(node);
            slots.Index = -1;
            foreach (var model in slots.Resident)
                Remove(slots, model);
            if (slots.ClearingFor is { } lane)
                lane.ClearedOn = null;
        }
    }

    /// <summary>A model is in a node's memory now, or on its way.</summary>
    public void Came(NodeSlots slots, string model)
    {
        // One that is no longer in the list may still end what it runs.
        if (slots.Index < 0)
            return;
        Epoch++;
        if (!_with.TryGetValue(model, out var nodes))
            _with.Add(model, nodes = []);
        nodes.Add(slots);
    }

    /// <summary>A model has left a node's memory.</summary>
    public void Went(NodeSlots slots, string model)
    {
        if (slots.Index >= 0)
            Remove(slots, model);
    }

    private void Remove(NodeSlots slots, string model)
    {
        Epoch++;
        if (_with.TryGetValue(model, out var nodes) && nodes.Remove(slots) && nodes.Count == 0)
            _with.Remove(model);
    }
}
