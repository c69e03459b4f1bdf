namespace Chasqui.Simulation;

/// <summary>How many nodes it takes.</summary>
public static class Search
{
    /// <summary>Finds the smallest number of nodes with which a bound holds, and refuses nobody: doubling first, then halving. What helps with one node more is taken to help with all larger numbers.</summary>
    /// <param name="most">The largest number that is tried.</param>
    /// <param name="run">Simulates a number of nodes.</param>
    /// <param name="holds">Whether the bound holds.</param>
    /// <returns>The number with its result; null where even <paramref name="most"/> are too few.</returns>
    public static (int Nodes, SimulationResult Result)? Find(int most, Func<int, SimulationResult> run, Predicate<SimulationResult> holds)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(holds);
        var (low, high) = (0, 1);
        SimulationResult result;
        while (!holds(result = run(high)))
        {
            if (high >= most)
                return null;
            (low, high) = (high, Math.Min(most, high * 2));
        }
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            var tried = run(middle);
            if (holds(tried))
                (high, result) = (middle, tried);
            else
                low = middle;
        }
        return (high, result);
    }
}
