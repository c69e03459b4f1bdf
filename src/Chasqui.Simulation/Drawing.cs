namespace Chasqui.Simulation;

/// <summary>Draws what a trace does not say.</summary>
internal sealed class Drawing(SimulationPlan plan)
{
    private readonly Random _random = new(plan.Seed);
    private readonly double _shares = plan.Models.Sum(model => model.Share);

    /// <summary>A model, by the models' shares.</summary>
    public string Model()
    {
        var at = _random.NextDouble() * _shares;
        foreach (var model in plan.Models)
        {
            at -= model.Share;
            if (at < 0)
                return model.Name;
        }
        return plan.Models[^1].Name;
    }

    /// <summary>One of the callers, each as often.</summary>
    public string Caller() => FormattableString.Invariant($"c{_random.Next(plan.Callers)}");
}
