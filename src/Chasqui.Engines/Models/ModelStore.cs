using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Models;

/// <summary>
/// The models on this machine: those of our own store, GGUF files in folders, and what Ollama has pulled, read in place.
/// </summary>
/// <remarks>
/// <para>Every call looks at the disk, so a file that comes or goes while the program runs is seen by the next call. What was read
/// from a file is remembered, bounded, for as long as its path, length and time of change stay the same.</para>
/// <para>Of two models with one name the first is used: our own store, then folders in their order, files in a folder before those in its
/// subfolders, Ollama's store last. The digest of a plain file above 64 MiB covers a sample of it (16 windows of 1 MiB).</para>
/// <para>Thread-safe. The calls read files and do not wait for anything else; the first call after a start can take a moment for
/// each model.</para>
/// </remarks>
public sealed class ModelStore
{
    private readonly ModelStoreOptions _options;
    private readonly ModelStoreLog _log;
    private readonly FileDigests _digests = new();
    private readonly BoundedCache<FileStamp, OllamaManifest> _manifests = new(8192);
    private readonly BoundedCache<string, Listed> _listed = new(8192);
    private readonly BoundedCache<string, StoredModel> _loaded = new(32);

    /// <summary>Makes a store; nothing is read yet.</summary>
    public ModelStore(ModelStoreOptions options, ILogger<ModelStore>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _log = new ModelStoreLog(logger ?? NullLogger<ModelStore>.Instance);
    }

    /// <summary>
    /// The models that can be used, the newest first by whole seconds, then by name. One that is damaged or cannot be read is left
    /// out, and a warning says so once.
    /// </summary>
    public IReadOnlyList<ModelSummary> List(CancellationToken cancellationToken = default)
    {
        var found = new List<ModelSummary>();
        foreach (var source in Sources())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var listed = Look(source, cancellationToken);
            if (listed.Summary is not null)
                found.Add(listed.Summary);
            else
                _log.LeftOut(source.Name.Short, listed.Problem);
        }
        return [.. found
            .OrderByDescending(m => m.ModifiedAt.ToUnixTimeSeconds())
            .ThenBy(m => m.Name, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>Everything known of one model.</summary>
    /// <exception cref="InvalidModelNameException">The name is not of the form that <see cref="ModelName"/> describes.</exception>
    /// <exception cref="ModelNotFoundException">No model has this name; the nearest names are in the exception.</exception>
    /// <exception cref="ModelLoadException">The model is damaged, incomplete or of a kind that cannot be used.</exception>
    public ModelDescription Find(string name, CancellationToken cancellationToken = default) => Open(name, cancellationToken).Description;

    /// <summary>A model with its files, for an engine that is to load it. Throws as <see cref="Find"/>.</summary>
    public StoredModel Open(string name, CancellationToken cancellationToken = default)
    {
        var asked = ModelName.Parse(name);
        var source = Locate(asked) ?? throw NotFound(name, asked, cancellationToken);
        try
        {
            return _loaded.GetOrAdd(source.Fingerprint(), _ => source.Load(cancellationToken));
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw new ModelLoadException(source.Name.Short, Reason(e), e);
        }
    }

    /// <summary>Where a model is; null where there is none of that name.</summary>
    internal ModelSource? Locate(ModelName name) => Sources().FirstOrDefault(source => source.Name.Equals(name));

    /// <summary>That there is no such model, with the names that are near.</summary>
    internal ModelNotFoundException NotFound(string asked, ModelName name, CancellationToken cancellationToken) =>
        new(asked, NearestNames.Of(name, List(cancellationToken).Select(m => m.Name)));

    private Listed Look(ModelSource source, CancellationToken cancellationToken)
    {
        try
        {
            return _listed.GetOrAdd(source.Fingerprint(), _ =>
            {
                try
                {
                    return new Listed(source.Load(cancellationToken).Description.Summary, "");
                }
                catch (Exception e) when (e is GgufFormatException or InvalidDataException)
                {
                    // Remembered too: the same bytes are as damaged at the next call.
                    return new Listed(null, Reason(e));
                }
            });
        }
        catch (Exception e) when (IsDamage(e))
        {
            return new Listed(null, Reason(e));
        }
    }

    private List<ModelSource> Sources()
    {
        var sources = new List<ModelSource>();
        var names = new HashSet<ModelName>();
        if (_options.StoreFolder is { } store && Directory.Exists(Path.Combine(store, "manifests")))
            AddManifests(store);
        foreach (var folder in _options.Folders)
        {
            foreach (var path in GgufFolder.Models(folder, _log.FolderFailed))
            {
                if (!ModelName.TryFromFile(path, out var name))
                    _log.LeftOut(Path.GetFileName(path), "no model name can be made of its file name");
                else if (names.Add(name))
                    sources.Add(new GgufSource(name, path, _digests));
                else
                    _log.Shadowed(name.Short, path);
            }
        }

        if (OllamaFolderInUse() is { } ollama)
            AddManifests(ollama);
        return sources;

        void AddManifests(string folder)
        {
            foreach (var (name, path) in OllamaFolder.Manifests(folder, _log.FolderFailed))
            {
                if (names.Add(name))
                    sources.Add(new OllamaSource(name, path, Path.Combine(folder, "blobs"), _manifests));
                else
                    _log.Shadowed(name.Short, path);
            }
        }
    }

    private string? OllamaFolderInUse() => _options.OllamaFolder switch
    {
        null => OllamaFolder.Detect(
            Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), Directory.Exists),
        "" => null,
        var folder => folder,
    };

    private static bool IsDamage(Exception e) =>
        e is GgufFormatException or InvalidDataException or IOException or UnauthorizedAccessException or OverflowException;

    private static string Reason(Exception e) => e switch
    {
        GgufFormatException or InvalidDataException => e.Message,
        UnauthorizedAccessException => "there is no permission to read its file",
        FileNotFoundException or DirectoryNotFoundException => "its file is gone",
        _ => $"its file cannot be read: {FileProblem.Of(e)}",
    };

    private sealed record Listed(ModelSummary? Summary, string Problem);
}
