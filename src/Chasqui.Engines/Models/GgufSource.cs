namespace Chasqui.Engines.Models;

/// <summary>A model that is a GGUF file in a folder, or several of one numbering.</summary>
internal sealed class GgufSource(ModelName name, string path, FileDigests digests) : ModelSource(name)
{
    private readonly IReadOnlyList<string> _files = FilesOf(path);

    /// <summary>Its files, the first first.</summary>
    public IReadOnlyList<string> Files => _files;

    public override string Fingerprint() => Join(_files.Select(FileStamp.OfOrMissing));

    public override StoredModel Load(CancellationToken cancellationToken)
    {
        var missing = _files.FirstOrDefault(f => !File.Exists(f));
        if (missing is not null)
            throw new InvalidDataException($"the file {Path.GetFileName(missing)} is missing");
        var stamps = _files.Select(FileStamp.Of).ToList();
        var parts = _files.Select(f => GgufFile.Read(f, cancellationToken)).ToList();
        var file = parts[0];
        RequireModel(file);
        CheckParts(parts);

        var tensors = parts.Count == 1 ? file.Tensors : [.. parts.SelectMany(p => p.Tensors)];
        if (tensors.Count == 0)
            throw new GgufFormatException("it has no tensors");
        var parameters = parts.Aggregate(0L, (sum, part) => checked(sum + part.ParameterCount));
        var description = new ModelDescription
        {
            Summary = new ModelSummary
            {
                Name = Name.Short,
                ModifiedAt = new DateTimeOffset(stamps.Max(s => s.ModifiedUtc), TimeSpan.Zero),
                SizeBytes = stamps.Sum(s => s.Length),
                Digest = digests.Of(stamps, cancellationToken),
                Details = DetailsOf(file, parameters),
                Capabilities = ModelCapabilities.Of(file, file.ChatTemplate, isGo: false, [], hasProjector: false),
            },
            Path = file.Path,
            Template = file.ChatTemplate,
            Metadata = ModelMetadata.WithParameterCount(file.Metadata, parameters),
            Tensors = tensors,
        };
        return new StoredModel { Description = description, File = file, Files = _files };
    }

    // llama.cpp finds the other parts by their names, so they are found here the same way.
    private static IReadOnlyList<string> FilesOf(string path)
    {
        if (!SplitName.TryParse(Path.GetFileNameWithoutExtension(path), out var split))
            return [path];
        var folder = Path.GetDirectoryName(path) ?? "";
        return [path, .. Enumerable.Range(2, split.Count - 1).Select(n => Path.Combine(folder, split.FileOf(n)))];
    }

    private static void CheckParts(List<GgufFile> parts)
    {
        if (parts[0].SplitCount != parts.Count)
        {
            throw new GgufFormatException(parts.Count == 1
                ? $"it is one of {parts[0].SplitCount} parts of a split model; keep the names the parts came with (…-00001-of-{parts[0].SplitCount:00000}.gguf)"
                : $"its name says {parts.Count} parts, but its metadata says {parts[0].SplitCount}");
        }
        for (var i = 0; i < parts.Count && parts.Count > 1; i++)
        {
            if (parts[i].GetInteger("split.no") != i)
                throw new GgufFormatException($"the file {Path.GetFileName(parts[i].Path)} is not part {i + 1} of the model, as its name says");
        }
    }
}
