namespace Chasqui.Bench.Wire;

/// <summary>Collects the rounds' values under the rows' names, in the order in which the names first came.</summary>
internal sealed class SampleTable
{
    private readonly List<string> _names = [];
    private readonly Dictionary<string, (string Unit, List<double> Values)> _rows = new(StringComparer.Ordinal);

    public IReadOnlyList<BenchRow> Rows => [.. _names.Select(Row)];

    public void Add(string name, string unit, double value)
    {
        if (!_rows.TryGetValue(name, out var row))
        {
            _rows.Add(name, row = (unit, []));
            _names.Add(name);
        }
        row.Values.Add(value);
    }

    /// <param name="name">What is compared, before the peers' names.</param>
    /// <param name="of">The peer above the line.</param>
    /// <param name="to">The peer below it.</param>
    public BenchRatio Ratio(string name, string of, string to) =>
        BenchRatio.From($"{name} {of}/{to}", Row($"{name} {of}"), Row($"{name} {to}"));

    private BenchRow Row(string name) => BenchRow.From(name, _rows[name].Unit, _rows[name].Values);
}
