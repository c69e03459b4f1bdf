using Chasqui.Gateway.Routing;

namespace Chasqui.Gateway.Scheduling;

/// <summary>A node as the scheduler sees it. What is asked here may change at any time, and <see cref="Scheduler.Changed"/> is told of it.</summary>
public interface ISlotNode
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Whether it may be given requests now.</summary>
    bool IsUsable { get; }

    /// <summary>Whether its slots are for all models together; else each model has its own.</summary>
    bool SharesSlots { get; }

    /// <summary>Slots that others than this scheduler have taken.</summary>
    int Foreign { get; }

    /// <summary>Whether it can be asked for the model.</summary>
    bool Has(string model);

    /// <summary>Requests of the model that it runs at once.</summary>
    int Slots(string model);

    /// <summary>Whether the model has room in its memory beside others.</summary>
    /// <param name="model">The model.</param>
    /// <param name="beside">Those that stay.</param>
    bool Fits(string model, IReadOnlyCollection<string> beside);

    /// <summary>Seconds to bring the model into memory.</summary>
    double LoadSeconds(string model);

    /// <summary>Seconds for which a request of the model holds its slot, in the mean.</summary>
    double ServiceSeconds(string model);

    /// <summary>What the choice among nodes with a free slot depends on.</summary>
    /// <param name="ticket">The request.</param>
    /// <param name="index">For <see cref="RouteCandidate.Index"/>.</param>
    /// <param name="isResident">Whether the model is in its memory.</param>
    RouteCandidate Describe(Ticket ticket, int index, bool isResident);
}
