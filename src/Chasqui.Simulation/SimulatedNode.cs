using Chasqui.Gateway.Routing;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Simulation;

/// <summary>A node of a simulation: slots, and memory that models share.</summary>
/// <param name="name">Its name.</param>
/// <param name="slots">Requests of all models that it runs at once.</param>
/// <param name="memory">Bytes that models may take together.</param>
/// <param name="models">The models, by name.</param>
internal sealed class SimulatedNode(string name, int slots, long memory, IReadOnlyDictionary<string, SimulatedModel> models) : ISlotNode
{
    // As the gateway's own average: each new value weighs a fifth.
    private const double NewWeight = 0.2;

    private readonly Dictionary<string, double> _service = [];

    public string Name => name;

    public bool IsUsable => true;

    public bool SharesSlots => true;

    public int Foreign => 0;

    /// <summary>Requests it runs.</summary>
    public int Running { get; set; }

    /// <summary>Seconds for which its slots were taken, all together.</summary>
    public double BusySeconds { get; set; }

    public bool Has(string model) => models.ContainsKey(model);

    public int Slots(string model) => slots;

    public bool Fits(string model, IReadOnlyCollection<string> beside)
    {
        var bytes = models[model].Bytes;
        foreach (var other in beside)
            bytes += models[other].Bytes;
        return bytes <= memory;
    }

    public double LoadSeconds(string model) => models[model].LoadSeconds;

    /// <summary>What requests of the model took here; the gateway's own guess before there was one.</summary>
    public double ServiceSeconds(string model) => _service.TryGetValue(model, out var seconds) ? seconds : 2;

    public void Served(string model, double seconds) =>
        _service[model] = _service.TryGetValue(model, out var old) ? old + (NewWeight * (seconds - old)) : seconds;

    public RouteCandidate Describe(Ticket ticket, int index, bool isResident) => new()
    {
        Index = index,
        Weight = 1,
        LoadSeconds = isResident ? 0 : models[ticket.Model].LoadSeconds,
        ServiceSeconds = ServiceSeconds(ticket.Model),
        PromptTokensPerSecond = models[ticket.Model].PromptRate,
    };
}
