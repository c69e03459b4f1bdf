using System.Text.Json;
using System.Text.Json.Nodes;
using Chasqui.Engines.Http;
using Chasqui.Engines.Models;

namespace Chasqui.Engines.Ollama;

/// <summary>Models as Ollama's API tells of them.</summary>
internal static class OllamaModels
{
    // Ollama says "for ever" with a time some 292 years ahead.
    private static readonly DateTimeOffset _forEver = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The models of <c>/api/tags</c>, in their order; an entry without a name is left out and told.</summary>
    public static IReadOnlyList<ModelSummary> List(JsonElement json, Action nameless) => [.. Named(json, nameless).Select(Summary)];

    /// <summary>The models of <c>/api/ps</c>, in their order.</summary>
    public static IReadOnlyList<ResidentModel> Resident(JsonElement json, Action nameless) => [.. Named(json, nameless).Select(model => new ResidentModel
    {
        // The size here is that in memory.
        Summary = Summary(model) with { SizeBytes = 0 },
        SizeBytes = model.Whole("size"),
        VideoMemoryBytes = model.Whole("size_vram"),
        ContextLength = model.Count("context_length"),
        ExpiresAt = model.Time("expires_at") is var time && time > _forEver ? DateTimeOffset.MaxValue : time,
    })];

    /// <summary>The answer of <c>/api/show</c>, which says neither the name nor the size nor the digest: those come from the list.</summary>
    public static ModelDescription Description(JsonElement json, ModelSummary listed)
    {
        var raw = Parameters(json.Text("parameters"));
        var template = json.Text("template");
        var (options, _, _) = OllamaParameters.Read(ToObject(raw));
        var metadata = json.Get("model_info") is { } info
            ? info.EnumerateObject().DistinctBy(p => p.Name, StringComparer.Ordinal).ToDictionary(p => p.Name, p => p.Value.ToNode(), StringComparer.Ordinal)
            : [];
        return new ModelDescription
        {
            Summary = listed with
            {
                Details = Details(json.Get("details"), listed.Details, metadata),
                Capabilities = json.Get("capabilities") is null ? listed.Capabilities : json.Texts("capabilities"),
                ModifiedAt = json.Get("modified_at") is null ? listed.ModifiedAt : json.Time("modified_at"),
            },
            // It is on another machine.
            Path = "",
            Template = template,
            TemplateIsGo = template.Length > 0 && !template.Contains("{%", StringComparison.Ordinal),
            System = json.Text("system"),
            Licenses = json.Text("license") is { Length: > 0 } license ? [license] : [],
            Messages = [.. json.Items("messages").Select(m => new ChatMessage { Role = m.Text("role"), Content = m.Text("content") })],
            Parameters = options,
            RawParameters = raw,
            Metadata = metadata,
            Tensors = [.. json.Items("tensors").Select(t => new TensorDescription(t.Text("name"), t.Text("type"), [.. t.Items("shape").Select(n => n.GetInt64())]))],
        };
    }

    /// <summary>Whether two names are one model: the tag <c>latest</c> is implied, and case does not matter.</summary>
    public static bool SameName(string a, string b) => string.Equals(WithTag(a), WithTag(b), StringComparison.OrdinalIgnoreCase);

    /// <summary>The parameters of <c>/api/show</c>: a line each, name, spaces, value; texts in quotes of Go. A name that comes again makes a list.</summary>
    internal static IReadOnlyList<KeyValuePair<string, JsonNode>> Parameters(string text)
    {
        var parameters = new List<KeyValuePair<string, JsonNode>>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var gap = line.IndexOf(' ', StringComparison.Ordinal);
            if (gap <= 0)
                continue;
            var (name, value) = (line[..gap], Value(line[gap..].Trim()));
            var at = parameters.FindIndex(p => p.Key == name);
            if (at < 0)
                // Ollama shows a list of one as it shows a single value; "stop" alone is a list by nature.
                parameters.Add(new(name, name == "stop" ? new JsonArray(value) : value));
            else if (parameters[at].Value is JsonArray list)
                list.Add(value);
            else
                parameters[at] = new(name, new JsonArray(parameters[at].Value.DeepClone(), value));
        }
        return parameters;
    }

    private static JsonNode Value(string text)
    {
        if (text.StartsWith('"') && GoQuote.TryUnquote(text, out var unquoted))
            return JsonValue.Create(unquoted);
        try
        {
            return JsonNode.Parse(text) ?? JsonValue.Create(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    private static JsonElement ToObject(IReadOnlyList<KeyValuePair<string, JsonNode>> parameters) =>
        JsonElement.Parse(new JsonObject(parameters.Select(p => KeyValuePair.Create<string, JsonNode?>(p.Key, p.Value.DeepClone()))).ToJsonString());

    private static IEnumerable<JsonElement> Named(JsonElement json, Action nameless)
    {
        foreach (var model in json.Items("models"))
        {
            if (Name(model).Length > 0)
                yield return model;
            else
                nameless();
        }
    }

    // Versions before "model" had only "name".
    private static string Name(JsonElement model) => model.Text("model") is { Length: > 0 } name ? name : model.Text("name");

    private static ModelSummary Summary(JsonElement model) => new()
    {
        Name = Name(model),
        ModifiedAt = model.Time("modified_at"),
        SizeBytes = model.Whole("size"),
        Digest = Digest(model.Text("digest")),
        Details = Details(model.Get("details"), new ModelDetails(), null),
        Capabilities = model.Texts("capabilities"),
    };

    private static string Digest(string text) => text.StartsWith("sha256:", StringComparison.Ordinal) ? text[7..] : text;

    private static ModelDetails Details(JsonElement? json, ModelDetails known, Dictionary<string, JsonNode?>? metadata)
    {
        if (json is not { } details)
            return known;
        var family = details.Text("family");
        return new ModelDetails
        {
            ParentModel = details.Text("parent_model"),
            Format = details.Text("format"),
            Family = family,
            ParameterSize = details.Text("parameter_size"),
            QuantizationLevel = details.Text("quantization_level"),
            ContextLength = Length(details, "context_length", known.ContextLength, family, metadata),
            EmbeddingLength = Length(details, "embedding_length", known.EmbeddingLength, family, metadata),
        };
    }

    private static int Length(JsonElement details, string name, int known, string family, Dictionary<string, JsonNode?>? metadata) =>
        details.Count(name) is > 0 and var told ? told
        : known > 0 ? known
        : metadata?.GetValueOrDefault($"{family}.{name}") is JsonValue value && value.TryGetValue<int>(out var number) ? number : 0;

    private static string WithTag(string name) => name.LastIndexOf(':') > name.LastIndexOf('/') ? name : name + ":latest";
}
