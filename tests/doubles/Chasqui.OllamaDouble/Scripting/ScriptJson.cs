using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.OllamaDouble;

/// <summary>Reads and writes scripts.</summary>
public static class ScriptJson
{
    internal static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    internal static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a script.</summary>
    /// <exception cref="ArgumentException">It is no JSON, has an unknown field, or a value out of its range.</exception>
    public static DoubleScript Parse(string json) => Merge(new DoubleScript(), json);

    /// <summary>Reads a script whose fields replace those of <paramref name="current"/>; what is not given stays.</summary>
    /// <exception cref="ArgumentException">It is no JSON, has an unknown field, or a value out of its range.</exception>
    public static DoubleScript Merge(DoubleScript current, string json)
    {
        try
        {
            var all = JsonSerializer.SerializeToNode(current, Options)!.AsObject();
            var given = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new ArgumentException("the script must be a JSON object");
            foreach (var (name, value) in given)
                all[name] = value?.DeepClone();
            var script = all.Deserialize<DoubleScript>(Options)!;
            // The same lists mean that the store keeps what was pulled and created meanwhile.
            script = script with
            {
                Models = given.ContainsKey("models") ? script.Models : current.Models,
                Blobs = given.ContainsKey("blobs") ? script.Blobs : current.Blobs,
            };
            script.Validate();
            return script;
        }
        catch (JsonException problem)
        {
            throw new ArgumentException($"the script cannot be read: {problem.Message}", problem);
        }
    }
}
