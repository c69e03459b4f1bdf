using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>Reads the file of keys. What it does not know it does not pass over: a limit that was misspelt would be none.</summary>
internal sealed class KeyFileReader
{
    private static readonly string[] _fields =
    [
        "id", "name", "hash", "created", "expires", "tenant", "weight", "priority", "most_urgent",
        "requests_per_minute", "request_burst", "tokens_per_minute", "token_burst", "concurrency", "scopes", "models",
    ];

    private readonly JsonLines _json;
    private readonly string _path;

    private KeyFileReader(JsonLines json, string path) => (_json, _path) = (json, path);

    /// <exception cref="KeyFileException">Something is wrong.</exception>
    public static IReadOnlyList<AccessKey> Read(JsonLines json, string path) => new KeyFileReader(json, path).All();

    private List<AccessKey> All()
    {
        if (_json.Entries.GetValueOrDefault("version") is not { } version)
            throw new KeyFileException($"{_path}: \"version\" is missing, so it is no file of keys; put its last good copy back, or remove it to begin without keys");
        if (version != KeyFileWriter.Version.ToString(CultureInfo.InvariantCulture))
            throw Wrong("version", $"is {version}, but this program knows version {KeyFileWriter.Version}");
        if (!_json.Lines.ContainsKey("keys"))
            throw new KeyFileException($"{_path}: \"keys\" is missing, so it is no file of keys; put its last good copy back, or remove it to begin without keys");
        var keys = new List<AccessKey>();
        foreach (var entry in _json.Entries.Keys)
            CheckKnown(entry);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; _json.Lines.ContainsKey(Item(i)); i++)
        {
            if (i == KeyFile.MaxKeys)
                throw Wrong(Item(i), $"is one key too many: there can be {KeyFile.MaxKeys}");
            var key = Key(Item(i));
            if (!ids.Add(key.Id))
                throw Wrong($"{Item(i)}:id", $"is {key.Id}, as that of another key");
            keys.Add(key);
        }
        return keys;
    }

    private static string Item(int number) => FormattableString.Invariant($"keys:{number}");

    private void CheckKnown(string entry)
    {
        var parts = entry.Split(':');
        var known = parts switch
        {
            ["version"] => true,
            ["keys"] => string.IsNullOrEmpty(_json.Entries[entry]),
            ["keys", _, var field] => _fields.Contains(field, StringComparer.OrdinalIgnoreCase),
            ["keys", _, var list, _] => list.ToLowerInvariant() is "scopes" or "models",
            _ => false,
        };
        if (!known)
            throw Wrong(entry, "is unknown");
    }

    private AccessKey Key(string item)
    {
        var models = List(item, "models").Select(value => KeyFields.Pattern(value) ?? throw Wrong($"{item}:models", $"must be {KeyFields.ExpectedPattern}")).ToList();
        var caller = new Caller
        {
            Id = Required(item, "id", text => KeySecret.IsId(text) ? text : null, $"{KeySecret.IdLength} letters and digits"),
            Name = Required(item, "name", KeyFields.Text, KeyFields.ExpectedName),
            Tenant = Optional(item, "tenant", KeyFields.Text, KeyFields.ExpectedName) ?? "",
            Weight = Optional(item, "weight", text => (object?)KeyFields.Weight(text), KeyFields.ExpectedWeight) as double? ?? 1,
            Priority = Optional(item, "priority", text => (object?)KeyFields.Priority(text), KeyFields.ExpectedPriority) as PriorityClass? ?? PriorityClass.Normal,
            MostUrgent = Optional(item, "most_urgent", text => (object?)KeyFields.Priority(text), KeyFields.ExpectedPriority) as PriorityClass? ?? PriorityClass.Interactive,
            Scopes = Scopes(item),
            Models = models,
            Concurrency = (int?)Number(item, "concurrency", KeyFields.Concurrency, KeyFields.ExpectedConcurrency),
            Limit = new TrafficLimit
            {
                RequestsPerMinute = Number(item, "requests_per_minute", KeyFields.Limit, KeyFields.ExpectedLimit),
                RequestBurst = Number(item, "request_burst", KeyFields.Burst, KeyFields.ExpectedBurst),
                TokensPerMinute = Number(item, "tokens_per_minute", KeyFields.Limit, KeyFields.ExpectedLimit),
                TokenBurst = Number(item, "token_burst", KeyFields.Burst, KeyFields.ExpectedBurst),
            },
        };
        return new AccessKey
        {
            Caller = caller,
            Hash = Required(item, "hash", HashOf, "64 hexadecimal digits"),
            Created = Optional(item, "created", text => (object?)KeyFields.Time(text), KeyFields.ExpectedTime) as DateTimeOffset? ?? default,
            Expires = Optional(item, "expires", text => (object?)KeyFields.Time(text), KeyFields.ExpectedTime) as DateTimeOffset?,
        };
    }

    /// <summary>Without the member it has none: what is left out gives nothing away.</summary>
    private Scopes Scopes(string item)
    {
        var scopes = Gateway.Scopes.None;
        foreach (var name in List(item, "scopes"))
            scopes |= ScopeNames.Read(name) ?? throw Wrong($"{item}:scopes", $"has \"{ConfigurationErrors.Show(name)}\", but each must be {ScopeNames.Expected}");
        return scopes;
    }

    private List<string> List(string item, string field)
    {
        var name = $"{item}:{field}";
        if (_json.Entries.TryGetValue(name, out var one))
            return string.IsNullOrEmpty(one) ? [] : throw Wrong(name, "must be a list of texts");
        var values = new List<string>();
        for (var i = 0; _json.Entries.TryGetValue(FormattableString.Invariant($"{name}:{i}"), out var value); i++)
            values.Add(value ?? throw Wrong(name, "must be a list of texts"));
        // Whether it is there at all is told by its line.
        return values.Count > 0 || !_json.Lines.ContainsKey(name) ? values : throw Wrong(name, "must be a list of texts");
    }

    private long? Number(string item, string field, Func<string, long?> read, string expected) => Optional(item, field, text => (object?)read(text), expected) as long?;

    private T Required<T>(string item, string field, Func<string, T?> read, string expected) where T : class =>
        Optional(item, field, read, expected) ?? throw new KeyFileException($"{Place(item)}: \"{field}\" is missing; it must be {expected}");

    private T? Optional<T>(string item, string field, Func<string, T?> read, string expected) where T : class =>
        // A hash is nothing to show, and so is nothing that may have got into its place.
        _json.Entries.GetValueOrDefault($"{item}:{field}") is not { } text ? null : read(text) ?? throw Wrong($"{item}:{field}", $"must be {expected}");

    private static byte[]? HashOf(string text)
    {
        try
        {
            return text.Length == 64 ? Convert.FromHexString(text) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private KeyFileException Wrong(string entry, string how) => new($"{Place(entry)}: \"{entry}\" {how}");

    private string Place(string entry) => _json.Lines.TryGetValue(entry, out var line) ? FormattableString.Invariant($"{_path} line {line}") : _path;
}
