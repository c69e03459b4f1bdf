using System.Text;
using System.Text.Json;
using Chasqui.Engines.Templates;

namespace Chasqui.Engines.Models.Managed;

/// <summary>Makes models, with the steps and in the words of Ollama's <c>server/create.go</c>.</summary>
/// <param name="store">Where they are put.</param>
/// <param name="models">Where the models are that others are made from.</param>
/// <param name="pull">Fetches one that is not there.</param>
internal sealed class ModelCreator(StoreParts store, ModelStore models, Func<string, CancellationToken, IAsyncEnumerable<ModelProgress>> pull)
{
    private const int MaxMessages = 10_000;

    private static readonly string[] _quantizations = ["F32", "F16", "Q4_K_S", "Q4_K_M", "Q8_0"];

    public async Task CreateAsync(CreateRequest request, IProgressSink progress, CancellationToken cancellationToken)
    {
        var name = ModelName.Parse(request.Model);
        Check(request);
        await StoreParts.UntilWholeAsync(first => MakeAsync(name, request, first ? progress : Silence.Instance, cancellationToken)).ConfigureAwait(false);
        await progress.SayAsync(new ModelProgress("success")).ConfigureAwait(false);
    }

    private async Task MakeAsync(ModelName name, CreateRequest request, IProgressSink progress, CancellationToken cancellationToken)
    {
        using var pins = new PinSet(store.Pins);
        var made = request.From is { Length: > 0 } from
            ? await FromModelAsync(from, pins, progress, cancellationToken).ConfigureAwait(false)
            : await FromFilesAsync(request.Files, pins, progress, cancellationToken).ConfigureAwait(false);
        CheckQuantization(request.Quantize, made.Layers, cancellationToken);

        var layers = made.Layers;
        await SetTextAsync(layers, "template", request.Template, pins, cancellationToken).ConfigureAwait(false);
        await SetTextAsync(layers, "system", request.System, pins, cancellationToken).ConfigureAwait(false);
        if (request.Licenses is { } licenses)
        {
            layers.RemoveAll(layer => layer.Kind == "license");
            foreach (var license in licenses)
                layers.Add(pins.Keep(await store.AddTextAsync("license", license, cancellationToken).ConfigureAwait(false)));
        }
        await SetParametersAsync(layers, request.Parameters, pins, cancellationToken).ConfigureAwait(false);
        if (request.Messages is { Count: > 0 } messages)
            await SetTextAsync(layers, "messages", MessagesJson(messages), pins, cancellationToken).ConfigureAwait(false);

        var text = ConfigJson(made.Config, layers, cancellationToken);
        var config = pins.Keep(await store.AddTextAsync(StoredLayer.ConfigType, text, cancellationToken).ConfigureAwait(false));
        foreach (var layer in layers.Where(layer => layer.Status.Length > 0))
            await progress.SayAsync(new ModelProgress(layer.Status)).ConfigureAwait(false);
        await progress.SayAsync(new ModelProgress("writing manifest")).ConfigureAwait(false);
        await store.CommitAsync(name, StoredLayer.Manifest(config, layers), layers.Append(config).Select(layer => layer.Digest), cancellationToken).ConfigureAwait(false);
    }

    private static void Check(CreateRequest request)
    {
        if (request.Files.Keys.Any(file => !UploadedFile.IsRelative(file)))
            throw new InvalidRequestException(UploadedFile.NotRelative);
        if (request.Adapters.Count > 0)
            throw new InvalidRequestException("\"adapters\" is not supported: merge the adapter into the weights and upload those as GGUF");
        if (request.Files.Keys.FirstOrDefault(file => file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) is { } tensors)
            throw new InvalidRequestException($"the file \"{Clip(tensors)}\" is in the format safetensors, which is not supported: convert it to GGUF");
        foreach (var digest in request.Files.Values)
        {
            if (digest.Length == 0)
                throw new InvalidRequestException("invalid digest format");
        }
        if (request.From is not { Length: > 0 } && request.Files.Count == 0)
            throw new InvalidRequestException("neither 'from' or 'files' was specified");
        if (request.Files.Count > 1)
            throw new InvalidRequestException($"\"files\" names {request.Files.Count} files, but a model is made of one GGUF file: merge them with llama.cpp's gguf-split");
        if (request.Quantize is { Length: > 0 } wanted && !_quantizations.Contains(wanted.ToUpperInvariant()))
            throw new InvalidRequestException($"unsupported quantization type {Clip(wanted.ToUpperInvariant())} - supported types are {string.Join(", ", _quantizations)}");
        if (request.Template is { Length: > 0 } template)
            GoTemplate.Parse(template);
        if (request.Parameters is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Null or JsonValueKind.Undefined) })
            throw new InvalidRequestException("\"parameters\" must be an object");
        if (request.Parameters is { ValueKind: JsonValueKind.Object } parameters)
            OllamaParameters.Check(parameters);
        if (request.Messages is { Count: > MaxMessages })
            throw new InvalidRequestException($"\"messages\" has {request.Messages.Count} entries, but at most {MaxMessages} are allowed");
        if (request.Messages?.Any(message => message.Images.Count > 0 || message.ToolCalls is not null) == true)
            throw new InvalidRequestException("\"messages\" of a model have a role and a content; images and tool calls are not kept");
    }

    private async Task<BaseModel> FromModelAsync(string from, PinSet pins, IProgressSink progress, CancellationToken cancellationToken)
    {
        var reference = ModelName.Parse(from);
        if (models.Locate(reference) is null)
        {
            await foreach (var step in pull(from, cancellationToken).ConfigureAwait(false))
            {
                if (step.Status != "success")
                    await progress.SayAsync(step).ConfigureAwait(false);
            }
        }
        var source = models.Locate(reference) ?? throw models.NotFound(from, reference, cancellationToken);
        try
        {
            return source is GgufSource file
                ? await FromFolderAsync(file, pins, progress, cancellationToken).ConfigureAwait(false)
                : await FromManifestAsync((OllamaSource)source, pins, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is GgufFormatException or InvalidDataException)
        {
            throw new ModelLoadException(source.Name.Short, e.Message, e);
        }
    }

    private async Task<BaseModel> FromManifestAsync(OllamaSource source, PinSet pins, CancellationToken cancellationToken)
    {
        var manifest = source.ReadManifest();
        var layers = new List<StoredLayer>();
        foreach (var layer in manifest.Layers.Select(StoredLayer.Of))
        {
            pins.Keep(layer);
            await store.Blobs.ImportAsync(source.PathOf(layer.Digest.FileName), layer.Digest, cancellationToken).ConfigureAwait(false);
            layers.Add(layer with { From = source.Name.Short, Status = StoreParts.StatusOf(layer.Digest, had: true) });
        }
        if (layers.All(layer => layer.Kind != "model"))
            throw new InvalidDataException("its manifest names no weights (it may be a model of Ollama's cloud)");
        var config = manifest.Config is { } blob ? BoundedFile.Read(source.PathOf(blob), OllamaManifest.MaxText, "its configuration") : null;
        return new BaseModel(layers, config is null ? null : ParseConfig(config));
    }

    private async Task<BaseModel> FromFolderAsync(GgufSource source, PinSet pins, IProgressSink progress, CancellationToken cancellationToken)
    {
        if (source.Files.Count > 1)
            throw new InvalidRequestException($"model '{source.Name.Short}' is in {source.Files.Count} files, and a model is made of one: merge them with llama.cpp's gguf-split");
        await progress.SayAsync(new ModelProgress("parsing GGUF")).ConfigureAwait(false);
        var file = ReadModel(source.Files[0], cancellationToken);
        await progress.SayAsync(new ModelProgress("verifying conversion")).ConfigureAwait(false);
        var digest = await BlobStore.HashAsync(file.Path, cancellationToken).ConfigureAwait(false);
        pins.Keep(digest);
        var had = store.Blobs.Has(digest);
        await store.Blobs.ImportAsync(file.Path, digest, cancellationToken).ConfigureAwait(false);
        var weights = new StoredLayer("model", digest, file.Length, source.Name.Short, StoreParts.StatusOf(digest, had));
        return pins.Keep(await BaseModel.OfFileAsync(store, file, weights, cancellationToken).ConfigureAwait(false));
    }

    private async Task<BaseModel> FromFilesAsync(IReadOnlyDictionary<string, string> files, PinSet pins, IProgressSink progress, CancellationToken cancellationToken)
    {
        await progress.SayAsync(new ModelProgress("parsing GGUF")).ConfigureAwait(false);
        var (name, text) = files.First();
        var digest = BlobDigest.Parse(text);
        pins.Keep(digest);
        if (!store.Blobs.Has(digest))
            throw new InvalidRequestException($"the blob {digest} of the file \"{Clip(name)}\" is not there; upload it first, to /api/blobs/{digest}");
        GgufFile file;
        try
        {
            file = ReadModel(store.Blobs.PathOf(digest), cancellationToken);
        }
        catch (Exception e) when (e is GgufFormatException or InvalidDataException)
        {
            throw new InvalidRequestException($"the file \"{Clip(name)}\" is not a model in GGUF format: {e.Message}", e);
        }
        await progress.SayAsync(new ModelProgress("verifying conversion")).ConfigureAwait(false);
        // New to the models, though the upload has put it here.
        var had = store.Manifests.NamedBlobs()?.Contains(digest.FileName) == true;
        var weights = new StoredLayer("model", digest, file.Length, Status: StoreParts.StatusOf(digest, had));
        return pins.Keep(await BaseModel.OfFileAsync(store, file, weights, cancellationToken).ConfigureAwait(false));
    }

    private static GgufFile ReadModel(string path, CancellationToken cancellationToken)
    {
        var file = GgufFile.Read(path, cancellationToken);
        if (!file.IsModel)
            throw new InvalidDataException($"it is of the kind \"{GgufMetadataParser.Show(file.Kind)}\" and not a model by itself");
        if (file.SplitCount > 1)
            throw new InvalidDataException($"it is one of {file.SplitCount} parts of a split model; merge them with llama.cpp's gguf-split");
        return file;
    }

    private void CheckQuantization(string? wanted, List<StoredLayer> layers, CancellationToken cancellationToken)
    {
        if (wanted is not { Length: > 0 })
            return;
        var type = wanted.ToUpperInvariant();
        var own = GgufFile.Read(store.Blobs.PathOf(layers.Last(layer => layer.Kind == "model").Digest), cancellationToken).FileType;
        if (own != type)
            throw new InvalidRequestException($"\"quantize\" is {type}, but the weights are {own}, and weights are not converted: convert them with llama.cpp's llama-quantize and upload the result");
    }

    private async Task SetTextAsync(List<StoredLayer> layers, string kind, string? text, PinSet pins, CancellationToken cancellationToken)
    {
        if (text is not { Length: > 0 })
            return;
        layers.RemoveAll(layer => layer.Kind == kind);
        layers.Add(pins.Keep(await store.AddTextAsync(kind, text, cancellationToken).ConfigureAwait(false)));
    }

    /// <summary>Parameters of the source stay where the request does not name them.</summary>
    private async Task SetParametersAsync(List<StoredLayer> layers, JsonElement? parameters, PinSet pins, CancellationToken cancellationToken)
    {
        var merged = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        var before = layers.LastOrDefault(layer => layer.Kind == "params");
        foreach (var layer in layers.Where(layer => layer.Kind == "params"))
        {
            var existing = ParseConfig(BoundedFile.Read(store.Blobs.PathOf(layer.Digest), OllamaManifest.MaxText, "its list of parameters"));
            Merge(existing);
        }
        Merge(parameters);
        if (merged.Count > 0)
            await SetTextAsync(layers, "params", GoJson.Marshal(JsonSerializer.SerializeToElement(merged)) + "\n", pins, cancellationToken).ConfigureAwait(false);
        // Where nothing is new, what was said of the layer stays true.
        if (before is not null && layers[^1] is var last && last.Digest == before.Digest)
            layers[^1] = last with { Status = before.Status };

        void Merge(JsonElement? from)
        {
            if (from is not { ValueKind: JsonValueKind.Object } members)
                return;
            foreach (var member in members.EnumerateObject())
                merged[member.Name] = member.Value;
        }
    }

    private static JsonElement ParseConfig(byte[] json)
    {
        try
        {
            return JsonElement.Parse(json);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("a part of it is not JSON", e);
        }
    }

    private static string MessagesJson(IReadOnlyList<ChatMessage> messages) => GoJson.Marshal(JsonSerializer.SerializeToElement(
        messages.Select(message => new { role = message.Role, content = message.Content }))) + "\n";

    private string ConfigJson(JsonElement? existing, List<StoredLayer> layers, CancellationToken cancellationToken)
    {
        if (existing is { ValueKind: JsonValueKind.Object } config && OllamaConfig.Text(config, "model_format").Length > 0)
            return config.GetRawText();
        var file = GgufFile.Read(store.Blobs.PathOf(layers.Last(layer => layer.Kind == "model").Digest), cancellationToken);
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("model_format", "gguf");
            json.WriteString("model_family", file.Architecture);
            json.WriteStartArray("model_families");
            json.WriteStringValue(file.Architecture);
            json.WriteEndArray();
            json.WriteString("model_type", file.ParameterSize);
            json.WriteString("file_type", file.FileType);
            json.WriteString("architecture", "amd64");
            json.WriteString("os", "linux");
            json.WriteStartObject("rootfs");
            json.WriteString("type", "layers");
            json.WriteStartArray("diff_ids");
            foreach (var layer in layers)
                json.WriteStringValue(layer.Digest.ToString());
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static string Clip(string text) => text.Length <= 80 ? text : text[..80] + "…";

    /// <summary>Blobs that stay while a model is made of them.</summary>
    private sealed class PinSet(BlobPins pins) : IDisposable
    {
        private readonly List<IDisposable> _held = [];

        public void Keep(BlobDigest digest) => _held.Add(pins.Pin(digest));

        public StoredLayer Keep(StoredLayer layer)
        {
            Keep(layer.Digest);
            return layer;
        }

        public BaseModel Keep(BaseModel model)
        {
            foreach (var layer in model.Layers)
                Keep(layer);
            return model;
        }

        public void Dispose() => _held.ForEach(pin => pin.Dispose());
    }
}
