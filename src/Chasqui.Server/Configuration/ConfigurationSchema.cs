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
        var sections = new JsonObject { ["$schema"] = new JsonObject { ["type"] = "string" } };
        foreach (var section in ConfigurationKey.All.GroupBy(key => key.Name.Split(':')[0]))
        {
            var members = new JsonObject();
            foreach (var key in section)
                members[key.Name.Split(':')[1]] = Describe(key);
            sections[section.Key] = Section(members);
        }
        var schema = new JsonObject { ["$schema"] = "http://json-schema.org/draft-07/schema#", ["title"] = "Chasqui's configuration" };
        foreach (var (name, value) in Section(sections).ToList())
            schema[name] = value?.DeepClone();
        return schema.ToJsonString(_indented).ReplaceLineEndings("\n") + "\n";
    }

    private static JsonObject Section(JsonObject members) =>
        new() { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = members };

    private static JsonObject Describe(ConfigurationKey key)
    {
        var description = $"{key.Meaning} Must be {key.Expected}. Default: {key.Default}.";
        return key.IsList
            ? new() { ["type"] = "array", ["items"] = new JsonObject { ["type"] = key.SchemaType }, ["description"] = description }
            : new() { ["type"] = key.SchemaType, ["description"] = description };
    }
}
