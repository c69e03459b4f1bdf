using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Models;

/// <summary>A model of Ollama's store.</summary>
internal sealed class OllamaSource(
    ModelName name, string manifestPath, string blobs, BoundedCache<FileStamp, OllamaManifest> manifests) : ModelSource(name)
{
    private const int MaxMessages = 10_000;

    /// <summary>Its manifest's file.</summary>
    public string ManifestPath => manifestPath;

    /// <summary>Reads its manifest.</summary>
    public OllamaManifest ReadManifest() => Manifest(out _);

    /// <summary>Where a blob of its store is.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public string PathOf(string blob) => BlobPath(blob);

    public override string Fingerprint()
    {
        var manifest = Manifest(out var stamp);
        var files = manifest.Layers.Select(l => l.Blob).Append(manifest.Config).OfType<string>().Distinct(StringComparer.Ordinal);
        return Join(files.Select(blob => FileStamp.OfOrMissing(Path.Combine(blobs, blob))).Prepend(stamp));
    }

    public override StoredModel Load(CancellationToken cancellationToken)
    {
        var manifest = Manifest(out var stamp);
        var config = OllamaConfig.Read(manifest.Config is { } blob ? Json(blob, "its configuration") : default);
        if (config.Format is not ("" or "gguf"))
            throw new InvalidDataException($"its weights are in the format \"{GgufMetadataParser.Show(config.Format)}\", and only gguf can be used");
        var weights = manifest.Of("model").LastOrDefault()
            ?? throw new InvalidDataException("its manifest names no weights (it may be a model of Ollama's cloud)");

        var file = GgufFile.Read(BlobPath(weights.Blob), cancellationToken);
        RequireModel(file);
        var goTemplate = manifest.Of("template").Concat(manifest.Of("prompt")).LastOrDefault();
        var template = goTemplate is null ? file.ChatTemplate : Text(goTemplate.Blob, "its template");
        var projectors = manifest.Of("projector").Select(l => BlobPath(l.Blob)).ToList();
        var adapters = manifest.Of("adapter").Select(l => BlobPath(l.Blob)).ToList();
        var (options, raw, notes) = OllamaParameters.Read(
            manifest.Of("params").LastOrDefault() is { } p ? Json(p.Blob, "its list of parameters") : default);
        if (adapters.Count > 0)
            notes.Add("it has a LoRA adapter, which belongs to its weights");
        if (projectors.Count > 0)
            notes.Add("it has an image projector, which belongs to its weights");

        var details = DetailsOf(file, file.ParameterCount);
        var description = new ModelDescription
        {
            Summary = new ModelSummary
            {
                Name = Name.Short,
                ModifiedAt = new DateTimeOffset(stamp.ModifiedUtc, TimeSpan.Zero),
                SizeBytes = manifest.Size,
                Digest = manifest.Digest,
                Details = details with
                {
                    ParentModel = weights.From,
                    Family = config.Family.Length > 0 ? config.Family : details.Family,
                    ParameterSize = config.ParameterSize.Length > 0 ? config.ParameterSize : details.ParameterSize,
                    QuantizationLevel = config.Quantization is "" or "unknown" ? details.QuantizationLevel : config.Quantization,
                },
                Capabilities = ModelCapabilities.Of(file, template, goTemplate is not null, config.Capabilities, projectors.Count > 0),
            },
            Path = file.Path,
            Template = template,
            TemplateIsGo = goTemplate is not null,
            System = manifest.Of("system").LastOrDefault() is { } s ? Text(s.Blob, "its system text") : "",
            Licenses = [.. manifest.Of("license").Select(l => Text(l.Blob, "a licence"))],
            Messages = manifest.Of("messages").LastOrDefault() is { } m ? Messages(Json(m.Blob, "its list of messages")) : [],
            Parameters = options,
            RawParameters = raw,
            Metadata = ModelMetadata.WithParameterCount(file.Metadata, file.ParameterCount),
            Tensors = file.Tensors,
        };
        return new StoredModel
        {
            Description = description,
            File = file,
            Files = [file.Path],
            AdapterPaths = adapters,
            ProjectorPaths = projectors,
            Notes = notes,
        };
    }

    private OllamaManifest Manifest(out FileStamp stamp)
    {
        stamp = FileStamp.Of(manifestPath);
        return manifests.GetOrAdd(stamp, s => OllamaManifest.Read(s.Path));
    }

    private string BlobPath(string blob)
    {
        var path = Path.Combine(blobs, blob);
        return File.Exists(path) ? path : throw new InvalidDataException($"its blob {blob} is missing or cannot be read; pull the model again");
    }

    private string Text(string blob, string what) =>
        Encoding.UTF8.GetString(BoundedFile.Read(BlobPath(blob), OllamaManifest.MaxText, what));

    private JsonElement Json(string blob, string what)
    {
        try
        {
            return JsonElement.Parse(BoundedFile.Read(BlobPath(blob), OllamaManifest.MaxText, what));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{what} is not JSON (line {e.LineNumber + 1})", e);
        }
    }

    private static List<ChatMessage> Messages(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Array || json.GetArrayLength() > MaxMessages)
            throw new InvalidDataException($"its list of messages is not an array of at most {MaxMessages}");
        return [.. json.EnumerateArray()
            .Where(m => m.ValueKind == JsonValueKind.Object)
            .Select(m => new ChatMessage { Role = OllamaConfig.Text(m, "role"), Content = OllamaConfig.Text(m, "content") })];
    }
}

/// <summary>The configuration of a model of Ollama's store, as far as it is used.</summary>
internal sealed record OllamaConfig(string Format, string Family, string ParameterSize, string Quantization, IReadOnlyList<string> Capabilities)
{
    /// <summary>Reads the JSON; whatever is not there, or not of its type, is empty.</summary>
    public static OllamaConfig Read(JsonElement json) => new(
        Text(json, "model_format"), Text(json, "model_family"), Text(json, "model_type"), Text(json, "file_type"),
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty("capabilities", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(c => c.ValueKind == JsonValueKind.String).Select(c => c.GetString()!)] : []);

    internal static string Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()! : "";
}
