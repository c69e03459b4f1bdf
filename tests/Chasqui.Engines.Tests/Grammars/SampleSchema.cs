using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Engines.Tests.Grammars;

/// <summary>A random schema with a maker of documents that conform to it.</summary>
internal sealed class SampleSchema
{
    private static readonly JsonSerializerOptions _plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions _indented = new(_plain) { WriteIndented = true };

    private static readonly (string Pattern, Func<Random, string> Match)[] _patterns =
    [
        ("^[a-f]{2,4}$", random => Repeat(random, 2, 4, () => ((char)('a' + random.Next(6))).ToString())),
        ("^(yes|no)$", random => random.Next(2) == 0 ? "yes" : "no"),
        ("^\\d+(\\.\\d{1,2})?$", random => random.Next(1000).ToString(CultureInfo.InvariantCulture) + (random.Next(2) == 0 ? "" : ".5")),
        ("^[^\"\\\\]*!$", random => Text(random, 0, 5).Replace("\"", "", StringComparison.Ordinal).Replace("\\", "", StringComparison.Ordinal) + "!"),
        ("x[yz]", random => Text(random, 0, 3) + "xz" + Text(random, 0, 3)),
    ];

    private static readonly string[] _names = ["a", "ab", "abc", "b", "é\"", "long name", "z"];
    private readonly Func<Random, int, JsonNode?> _make;

    private SampleSchema(JsonNode schema, Func<Random, int, JsonNode?> make) => (Schema, _make) = (schema, make);

    public JsonNode Schema { get; }

    /// <summary>A schema of any kind; a tree of nodes under <c>$defs</c> may be referred to.</summary>
    public static SampleSchema Random(Random random)
    {
        var sample = Any(random, 3);
        var root = sample.Schema as JsonObject ?? [];
        root["$defs"] = JsonNode.Parse(
            """{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v"]}}""");
        return new SampleSchema(root, sample._make);
    }

    public string Document(Random random)
    {
        var node = _make(random, 3);
        string text = node is null ? "null" : node.ToJsonString(random.Next(3) == 0 ? _indented : _plain);
        // The writer escapes what is beyond 16 bits; a grammar of a pattern has characters as they are.
        text = text.Replace("\\uD83D\\uDE00", "😀", StringComparison.Ordinal);
        return random.Next(3) == 0 ? text : Spaced(text, random.Next(2) == 0);
    }

    // One space after colons and commas outside of texts, as models like to write.
    private static string Spaced(string text, bool spaced)
    {
        if (!spaced || text.Contains('\n', StringComparison.Ordinal))
            return text;
        var result = new StringBuilder();
        bool inside = false;
        for (int i = 0; i < text.Length; i++)
        {
            result.Append(text[i]);
            if (text[i] == '\\')
                result.Append(text[++i]);
            else if (text[i] == '"')
                inside = !inside;
            else if (!inside && text[i] is ',' or ':')
                result.Append(' ');
        }

        return result.ToString();
    }

    private static SampleSchema Any(Random random, int depth) => random.Next(depth > 0 ? 12 : 7) switch
    {
        0 => Integer(random),
        1 => Number(random),
        2 => String(random),
        3 => Pattern(random),
        4 => Choice(random),
        5 => new(new JsonObject { ["type"] = "boolean" }, (r, _) => r.Next(2) == 0),
        6 => new(new JsonObject { ["type"] = new JsonArray("null", "integer") }, (r, _) => r.Next(2) == 0 ? null : r.Next(100)),
        7 => List(random, depth),
        8 => new(new JsonObject { ["$ref"] = "#/$defs/node" }, Node),
        9 => Either(random, depth),
        _ => Record(random, depth),
    };

    private static JsonObject Node(Random random, int depth)
    {
        var node = new JsonObject { ["v"] = random.Next(100) };
        if (random.Next(2) == 0)
            node["next"] = depth > 0 && random.Next(2) == 0 ? Node(random, depth - 1) : null;
        return node;
    }

    private static SampleSchema Integer(Random random)
    {
        long low = random.NextInt64(-2000, 2000) * (random.Next(5) == 0 ? 1_000_003 : 1);
        long high = low + random.NextInt64(0, random.Next(2) == 0 ? 20 : 100_000);
        var schema = new JsonObject { ["type"] = "integer" };
        bool hasLow = random.Next(3) > 0, hasHigh = random.Next(3) > 0, exclusive = high > low && random.Next(3) == 0;
        if (hasLow)
            schema[exclusive ? "exclusiveMinimum" : "minimum"] = low;
        if (hasHigh)
            schema["maximum"] = high;
        return new(schema, (r, _) => r.Next(4) == 0 ? high : r.NextInt64(exclusive ? low + 1 : low, high + 1));
    }

    private static SampleSchema Number(Random random)
    {
        decimal low = random.Next(-2000, 2000) / (decimal)Math.Pow(10, random.Next(4));
        decimal width = random.Next(1, 5000) / (decimal)Math.Pow(10, random.Next(4));
        var schema = new JsonObject { ["type"] = "number" };
        bool hasLow = random.Next(3) > 0, hasHigh = random.Next(3) > 0;
        if (hasLow)
            schema[random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
        if (hasHigh)
            schema[random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = low + width;
        return new(schema, (r, _) => JsonValue.Create(low + (width * r.Next(1, 1000) / 1000m)));
    }

    private static SampleSchema String(Random random)
    {
        int min = random.Next(4), max = min + random.Next(5);
        return new(new JsonObject { ["type"] = "string", ["minLength"] = min, ["maxLength"] = max }, (r, _) => Text(r, min, max));
    }

    private static SampleSchema Pattern(Random random)
    {
        var (pattern, match) = _patterns[random.Next(_patterns.Length)];
        return new(new JsonObject { ["type"] = "string", ["pattern"] = pattern }, (r, _) => match(r));
    }

    private static SampleSchema Choice(Random random)
    {
        string[] values = ["\"red\"", "\"blue\"", "1", "2.50", "null", "[1,\"a\"]", "\"é\\n\""];
        string[] chosen = [.. values.Where(_ => random.Next(2) == 0).DefaultIfEmpty("true")];
        return new(new JsonObject { ["enum"] = JsonNode.Parse($"[{string.Join(',', chosen)}]") },
            (r, _) => JsonNode.Parse(chosen[r.Next(chosen.Length)]));
    }

    private static SampleSchema List(Random random, int depth)
    {
        var item = Any(random, depth - 1);
        int min = random.Next(3), max = min + random.Next(4);
        var schema = new JsonObject { ["type"] = "array", ["items"] = item.Schema, ["minItems"] = min };
        if (random.Next(2) == 0)
            schema["maxItems"] = max;
        var places = random.Next(3) == 0 ? [Any(random, depth - 1), Any(random, depth - 1)] : Array.Empty<SampleSchema>();
        if (places.Length > 0)
            schema["prefixItems"] = new JsonArray([.. places.Select(place => place.Schema)]);
        return new(schema, (r, d) => new JsonArray([.. Enumerable.Range(0, r.Next(min, max + 1))
            .Select(i => i < places.Length ? places[i]._make(r, d - 1) : item._make(r, d - 1))]));
    }

    private static SampleSchema Either(Random random, int depth)
    {
        SampleSchema[] samples = [Any(random, depth - 1), Any(random, depth - 1)];
        return new(new JsonObject { ["anyOf"] = new JsonArray([.. samples.Select(sample => sample.Schema)]) },
            (r, d) => samples[r.Next(2)]._make(r, d));
    }

    private static SampleSchema Record(Random random, int depth)
    {
        var properties = _names.Where(_ => random.Next(2) == 0).Select(name =>
            (Name: name, Sample: Any(random, depth - 1), Required: random.Next(2) == 0)).ToList();
        var other = random.Next(3) == 0 ? Any(random, depth - 1) : null;
        var schema = new JsonObject { ["type"] = "object" };
        // Half of the properties may come from a second schema.
        int split = random.Next(3) == 0 && other is null ? properties.Count / 2 : properties.Count;
        Fill(schema, properties[..split]);
        if (split < properties.Count)
        {
            var more = new JsonObject();
            Fill(more, properties[split..]);
            schema["allOf"] = new JsonArray(more);
        }

        if (other is not null)
            schema["additionalProperties"] = other.Schema;
        else if (properties.Count == 0)
            schema["additionalProperties"] = false;
        return new(schema, (r, d) =>
        {
            var record = new JsonObject();
            foreach (var (name, sample, _) in properties.Where(p => p.Required || r.Next(2) == 0))
                record[name] = sample._make(r, d - 1);
            for (int i = r.Next(3); other is not null && i > 0; i--)
                record["other" + i.ToString(CultureInfo.InvariantCulture)] = other._make(r, d - 1);
            return record;
        });

        static void Fill(JsonObject schema, List<(string Name, SampleSchema Sample, bool Required)> properties)
        {
            schema["properties"] = new JsonObject(properties.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)p.Sample.Schema)));
            schema["required"] = new JsonArray([.. properties.Where(p => p.Required).Select(p => JsonValue.Create(p.Name))]);
        }
    }

    private static string Text(Random random, int min, int max) =>
        Repeat(random, min, max, () => new[] { "a", "B", "7", " ", "é", "😀", "\"", "\\", "\n", "/" }[random.Next(10)]);

    private static string Repeat(Random random, int min, int max, Func<string> item) =>
        string.Concat(Enumerable.Range(0, random.Next(min, max + 1)).Select(_ => item()));
}
