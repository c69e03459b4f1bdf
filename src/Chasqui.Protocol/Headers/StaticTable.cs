namespace Chasqui.Protocol.Headers;

/// <summary>The entries both sides know from the start. Immutable.</summary>
public sealed partial class StaticTable
{
    private readonly HeaderField[] _fields;
    private readonly Dictionary<(string, string), int> _byField = [];
    private readonly Dictionary<string, int> _byName = new(StringComparer.Ordinal);

    /// <param name="fields">In the order of their indices, which begin at 1.</param>
    /// <param name="checksText">Whether names and values beside the table are held to section 7 of docs/protocol.md.</param>
    public StaticTable(IReadOnlyList<HeaderField> fields, bool checksText = true)
    {
        _fields = [.. fields];
        ChecksText = checksText;
        for (var i = 0; i < _fields.Length; i++)
        {
            _byField.TryAdd((_fields[i].Name, _fields[i].Value), i + 1);
            _byName.TryAdd(_fields[i].Name, i + 1);
        }
    }

    /// <summary>The table of MCP/1: docs/protocol/static-table.json.</summary>
    public static StaticTable Default { get; } = new(Own());

    /// <summary>Entries.</summary>
    public int Count => _fields.Length;

    internal bool ChecksText { get; }

    /// <summary>An entry, by its index from 1 to <see cref="Count"/>.</summary>
    public HeaderField this[int index] => _fields[index - 1];

    internal int Find(string name, string value) => _byField.GetValueOrDefault((name, value));

    internal int Find(string name) => _byName.GetValueOrDefault(name);
}
