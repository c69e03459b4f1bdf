namespace Chasqui.Engines.Models;

/// <summary>Finds the names somebody may have meant.</summary>
internal static class NearestNames
{
    private const int Most = 3;

    /// <summary>
    /// At most three of the names, best first: those that begin with what was asked for or the other way round, then those that
    /// differ in at most a third of the letters.
    /// </summary>
    public static IReadOnlyList<string> Of(ModelName asked, IEnumerable<string> names)
    {
        var wanted = Bare(asked.Short);
        return [.. names
            .Select(name => (Name: name, Cost: Cost(wanted, Bare(name))))
            .Where(c => c.Cost.Rank < int.MaxValue)
            .OrderBy(c => c.Cost).ThenBy(c => c.Name, StringComparer.OrdinalIgnoreCase)
            .Select(c => c.Name)
            .Take(Most)];
    }

    private static (int Rank, int Distance) Cost(string wanted, string name)
    {
        var distance = Distance(wanted, name);
        // A common beginning says more than the number of letters that follow.
        if (name.StartsWith(wanted, StringComparison.Ordinal) || wanted.StartsWith(name, StringComparison.Ordinal)
            || wanted.Split(':')[0] == name.Split(':')[0])
        {
            return (Math.Min(distance, 1), distance);
        }
        return (distance <= Math.Max(1, Math.Max(wanted.Length, name.Length) / 3) ? distance : int.MaxValue, distance);
    }

    private static string Bare(string name)
    {
        var lower = name.ToLowerInvariant();
        return lower.EndsWith(":latest", StringComparison.Ordinal) ? lower[..^":latest".Length] : lower;
    }

    // Levenshtein's edit distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j - 1], row[j]) + 1);
            }
        }
        return row[^1];
    }
}
