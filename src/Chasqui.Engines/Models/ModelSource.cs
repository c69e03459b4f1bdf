namespace Chasqui.Engines.Models;

/// <summary>A place where a model with a certain name is, not yet read.</summary>
internal abstract class ModelSource(ModelName name)
{
    /// <summary>The name it is asked for by.</summary>
    public ModelName Name { get; } = name;

    /// <summary>Changes whenever a file changes that the description depends on.</summary>
    /// <exception cref="InvalidDataException">The model is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public abstract string Fingerprint();

    /// <summary>Reads the model.</summary>
    /// <exception cref="GgufFormatException">The weights are damaged.</exception>
    /// <exception cref="InvalidDataException">The model is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public abstract StoredModel Load(CancellationToken cancellationToken);

    /// <summary>The details of a model that its weights tell.</summary>
    protected static ModelDetails DetailsOf(GgufFile file, long parameters) => new()
    {
        Family = file.Architecture,
        ParameterSize = HumanNumber.Format(parameters),
        QuantizationLevel = file.FileType,
        ContextLength = file.ContextLength,
        EmbeddingLength = file.EmbeddingLength,
    };

    /// <summary>Refuses files that are only a part or an addition to a model.</summary>
    protected static void RequireModel(GgufFile file)
    {
        if (!file.IsModel)
            throw new InvalidDataException($"the file is of the kind \"{GgufMetadataParser.Show(file.Kind)}\" and not a model by itself");
    }

    protected static string Join(IEnumerable<FileStamp> stamps) =>
        string.Join('\n', stamps.Select(s => FormattableString.Invariant($"{s.Path}|{s.Length}|{s.ModifiedUtc.Ticks}")));
}
