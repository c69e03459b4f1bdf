using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Routing;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Dispatch;

/// <summary>A node as the scheduler sees it.</summary>
internal sealed class QueuedNode(Node node, Dispatcher dispatcher) : ISlotNode
{
    public Node Node => node;

    public string Name => node.Name;

    public bool IsUsable => IsOpen(node);

    /// <summary>The engine in the house is asked whatever happened, as nobody else could find out whether it is well again.</summary>
    public static bool IsOpen(Node node) => node.Health.Share > 0 || node.Options.Kind == NodeKind.Embedded;

    public bool SharesSlots => node.Options.Slots is not null;

    public int Foreign => node.Foreign;

    /// <summary>One that has said nothing for long is left out while another one has the model.</summary>
    public bool Has(string model)
    {
        if (node.Find(model) is null)
            return false;
        if (!dispatcher.Nodes.IsStalled(node))
            return true;
        foreach (var other in dispatcher.Nodes.All)
        {
            if (other != node && other.Find(model) is not null && other.Health.Share > 0 && !dispatcher.Nodes.IsStalled(other))
                return false;
        }
        return true;
    }

    /// <summary>A node that returns gets its slots back gradually, and one on trial gets one request.</summary>
    public int Slots(string model)
    {
        var slots = Math.Max(1, node.SlotsOf(model));
        return node.Health.State switch
        {
            NodeState.Trial when node.Options.Kind != NodeKind.Embedded => 1,
            NodeState.Returning => Math.Max(1, (int)(slots * node.Health.Share)),
            _ => slots,
        };
    }

    public bool Fits(string model, IReadOnlyCollection<string> beside) => node.Holds(model, beside);

    public double LoadSeconds(string model) => node.Speed.LoadSeconds(model, node.Find(model)?.SizeBytes ?? 0);

    public double ServiceSeconds(string model) => node.Speed.ServiceSecondsOf(model);

    public RouteCandidate Describe(Ticket ticket, int index, bool isResident) => dispatcher.Describe(node, ((QueuedRequest)ticket.Owner!).Request, index, isResident);
}
