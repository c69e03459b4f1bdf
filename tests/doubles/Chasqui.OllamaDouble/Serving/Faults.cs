namespace Chasqui.OllamaDouble;

/// <summary>Finds the fault for a request, and counts down those that are limited.</summary>
internal sealed class Faults(IReadOnlyList<Fault> faults)
{
    private readonly Fault[] _faults = [.. faults];
    private readonly int[] _left = [.. faults.Select(fault => fault.Requests)];

    /// <summary>The first that fits; null for none.</summary>
    /// <param name="path">The request's path.</param>
    /// <param name="computes">Whether the path is one of those that compute.</param>
    /// <param name="model">The request's model in its canonical form; null for none.</param>
    public Fault? Find(string path, bool computes, string? model)
    {
        for (var i = 0; i < _faults.Length; i++)
        {
            var fault = _faults[i];
            if (!Fits(fault, path, computes, model))
                continue;
            if (fault.Requests == 0 || Interlocked.Decrement(ref _left[i]) >= 0)
                return fault;
            Volatile.Write(ref _left[i], 0);
        }
        return null;
    }

    public bool None => _faults.Length == 0;

    private static bool Fits(Fault fault, string path, bool computes, string? model)
    {
        if (fault.Paths is null ? !computes : !fault.Paths.Any(wanted => wanted.EndsWith('*') ? path.StartsWith(wanted[..^1], StringComparison.Ordinal) : path == wanted))
            return false;
        return fault.Models is null
            || model is not null && fault.Models.Any(wanted => ModelName.TryParse(wanted, out var name) && name.Equals(model, StringComparison.OrdinalIgnoreCase));
    }
}
