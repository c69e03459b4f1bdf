using Chasqui.Engines.Models;
using Chasqui.Engines.Models.Managed;
using Chasqui.Engines.Models.Managed.Registry;

namespace Chasqui.Engines.Tests.Models.Managed;

/// <summary>A store in a temporary folder, beside a folder with the shipped model and a store of Ollama.</summary>
internal sealed class StoreBed : IAsyncDisposable
{
    internal static readonly RegistryOptions Hasty = new() { Backoff = TimeSpan.FromMilliseconds(1), PartBytes = 256 << 10, Parallel = 2, Report = TimeSpan.Zero };

    private readonly TemporaryFolder _folder;
    private readonly bool _owns;

    public StoreBed(TimeProvider? time = null, RegistryOptions? registry = null, Action<string>? before = null, TemporaryFolder? folder = null,
        IReadOnlyList<string>? registries = null, long? most = null)
    {
        _owns = folder is null;
        _folder = folder ?? new TemporaryFolder();
        _folder.Make("gguf");
        if (!File.Exists(Gguf))
            File.Copy("mini.gguf", Gguf);
        Models = new ModelStore(new ModelStoreOptions { StoreFolder = Folder, Folders = [Path.GetDirectoryName(Gguf)!], OllamaFolder = Ollama.Folder });
        Store = new ManagedStore(new ManagedStoreOptions { Folder = Folder, PrivateRegistries = registries ?? ["127.0.0.1:*"], MaxModelBytes = most ?? 1L << 40 }, Models, time ?? TimeProvider.System, registry ?? Hasty, new StoreFiles(before));
    }

    public static byte[] Mini { get; } = File.ReadAllBytes("mini.gguf");

    public string Root => _folder.Path;

    public string Folder => Path.Combine(_folder.Path, "store");

    /// <summary>The shipped model, in a folder.</summary>
    public string Gguf => Path.Combine(_folder.Path, "gguf", "mini.gguf");

    public OllamaStoreBuilder Ollama => new(_folder.Make("ollama"));

    public ModelStore Models { get; }

    public ManagedStore Store { get; }

    public IReadOnlyList<string> Blobs => Directory.Exists(Path.Combine(Folder, "blobs"))
        ? [.. Directory.GetFiles(Path.Combine(Folder, "blobs")).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)] : [];

    public string BlobPath(string digest) => Path.Combine(Folder, "blobs", digest.Replace(':', '-'));

    /// <summary>Runs work to its end.</summary>
    public static async Task<List<ModelProgress>> AllAsync(IAsyncEnumerable<ModelProgress> progress, CancellationToken? cancellationToken = null)
    {
        var all = new List<ModelProgress>();
        await foreach (var step in progress.WithCancellation(cancellationToken ?? TestContext.Current.CancellationToken))
            all.Add(step);
        return all;
    }

    public Task<List<ModelProgress>> CreateAsync(CreateRequest request) => AllAsync(Store.CreateAsync(request, TestContext.Current.CancellationToken));

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (_owns)
            _folder.Dispose();
    }
}
