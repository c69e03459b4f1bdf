using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Server;

/// <summary>The JSON schema of <c>chasqui.json</c>, from which an editor completes.</summary>
internal static class ConfigurationSchema
{
    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write()
    {
        var schema = new JsonObject { ["$schema"] = "http://json-schema.org/draft-07/schema#", ["title"] = "Chasqui's configuration" };
        var root = Section();
        foreach (var (name, value) in root.ToList())
            schema[name] = value?.DeepClone();
        Members(schema)["$schema"] = new JsonObject { ["type"] = "string" };
        foreach (var key in ConfigurationKey.All)
            Put(schema, key.Name, Describe(key));
        foreach (var table in ConfigurationTable.All)
            Put(schema, table.Name, Describe(table));
        return schema.ToJsonString(_indented).ReplaceLineEndings("\n") + "\n";
    }

    /// <summary>Puts a key where its name says, and makes the sections above it.</summary>
    private static void Put(JsonObject section, string name, JsonObject description)
    {
        var parts = name.Split(':');
        foreach (var part in parts[..^1])
        {
            if (Members(section)[part] is not JsonObject inner)
                Members(section)[part] = inner = Section();
            section = inner;
        }
        Members(section)[parts[^1]] = description;
    }

    private static JsonObject Section() => new() { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = new JsonObject() };

    private static JsonObject Members(JsonObject section) => section["properties"]!.AsObject();

    private static JsonObject Describe(ConfigurationTable table)
    {
        var item = Section();
        foreach (var key in table.Keys)
            Put(item, key.Name, Describe(key));
        if (table.Keys.Any(key => key.IsRequired))
            item["required"] = new JsonArray([.. table.Keys.Where(key => key.IsRequired).Select(key => (JsonNode)key.Name)]);
        return new() { ["type"] = "array", ["items"] = item, ["description"] = $"{table.Meaning} Default: {table.Default}." };
    }

    private static JsonObject Describe(KeyDescription key)
    {
        var value = new JsonObject { ["type"] = key.SchemaType };
        if (key.Choices is { } choices)
            value["enum"] = new JsonArray([.. choices.Select(choice => (JsonNode)choice)]);
        if (key.Minimum is { } low)
            value["minimum"] = Number(low);
        if (key.Maximum is { } high)
            value["maximum"] = Number(high);
        var description = $"{key.Meaning} Must be {key.Expected}. {(key.IsRequired ? "Required." : $"Default: {key.Default}.")}";
        if (key.IsList)
            return new() { ["type"] = "array", ["items"] = value, ["description"] = description };
        if (DefaultOf(key) is { } @default)
            value["default"] = @default;
        value["description"] = description;
        return value;
    }

    /// <summary>The default as a value, where it is one: a word of explanation may follow a number.</summary>
    private static JsonNode? DefaultOf(KeyDescription key)
    {
        var text = key.Default.Split(' ')[0];
        return key.SchemaType switch
        {
            "integer" or "number" => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? Number(number) : null,
            "boolean" => bool.Parse(text),
            _ => key.Choices is not null || key.Expected.StartsWith("a duration", StringComparison.Ordinal) || key.Expected.StartsWith(text + ",", StringComparison.Ordinal) ? text : null,
        };
    }

    private static JsonValue Number(double number) => number == Math.Truncate(number) ? JsonValue.Create((long)number) : JsonValue.Create(number);
}
