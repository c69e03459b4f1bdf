using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Chasqui.Gateway.Tests;

/// <summary>A node that does what a test tells it to: fails, hangs, forgets models.</summary>
internal sealed class FakeNode(string name, params string[] models) : INodeConnection, IEngine, IModelManager
{
    public NodeOptions Options { get; init; } = new() { Name = name, Url = $"http://{name}:11434", Kind = NodeKind.Ollama, Slots = 64 };

    public string Name => name;

    public IEngine Engine => this;

    public IHttpPassage? Passage => null;

    public List<string> Models { get; } = [.. models];

    /// <summary>Those of them that are in memory.</summary>
    public List<string> Resident { get; } = [];

    /// <summary>Requests that each of these runs.</summary>
    public int Running { get; set; }

    public DateTimeOffset ModifiedAt { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>Thrown by every report.</summary>
    public EngineException? Silent { get; set; }

    /// <summary>Thrown by every request.</summary>
    public Exception? Fails { get; set; }

    /// <summary>How it generates; it says its name and ends where this is null.</summary>
    public Func<CancellationToken, IAsyncEnumerable<GenerationUpdate>>? Stream { get; set; }

    /// <summary>How it embeds.</summary>
    public Func<CancellationToken, Task<EmbedResult>>? Embed { get; set; }

    /// <summary>How it fetches models.</summary>
    public Func<CancellationToken, IAsyncEnumerable<ModelProgress>>? Pull { get; set; }

    /// <summary>What it was asked, in its order.</summary>
    public ConcurrentQueue<object> Asked { get; } = new();

    public int Reports { get; private set; }

    public bool IsDisposed { get; private set; }

    public static EmbedResult Vector(float value) => new() { Vectors = [[value]] };

    public static async IAsyncEnumerable<GenerationUpdate> Answer(params string[] texts)
    {
        foreach (var text in texts)
        {
            await Task.Yield();
            yield return new GenerationUpdate { Text = text };
        }
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop } };
    }

    /// <summary>Says nothing until it is told to stop.</summary>
    public static async IAsyncEnumerable<GenerationUpdate> Hang([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        yield break;
    }

    public Task<NodeReport> ReportAsync(CancellationToken cancellationToken)
    {
        Reports++;
        return Silent is { } silent ? Task.FromException<NodeReport>(silent) : Task.FromResult(new NodeReport
        {
            Software = "double",
            Models = [.. Models.Select(Summary)],
            Resident = [.. Resident.Select(model => new ResidentModel { Summary = Summary(model), Running = Running })],
        });
    }

    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) => AskAsync(request, cancellationToken);

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) => AskAsync(request, cancellationToken);

    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        Asked.Enqueue(request);
        return Fails is { } failure ? Task.FromException<EmbedResult>(failure) : Embed?.Invoke(cancellationToken) ?? Task.FromResult(Vector(1));
    }

    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) => AnswerAsync<IReadOnlyList<int>>(request, [1, 2]);

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => AnswerAsync<IReadOnlyList<ModelSummary>>("list", []);

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) =>
        AnswerAsync(model, new ModelDescription { Path = "", Summary = Summary(model) });

    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) =>
        AnswerAsync(request, new ResidentModel { Summary = Summary(request.Model) });

    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => AnswerAsync("unload " + model, Resident.Remove(model));

    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => AnswerAsync<IReadOnlyList<ResidentModel>>("ps", []);

    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        Asked.Enqueue("pull " + request.Model);
        return Pull?.Invoke(cancellationToken) ?? StepsAsync();
    }

    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        Asked.Enqueue("push " + request.Model);
        return StepsAsync();
    }

    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default)
    {
        Asked.Enqueue("create " + request.Model);
        return StepsAsync();
    }

    public Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default) => AnswerAsync($"copy {source} {destination}", true);

    public Task DeleteAsync(string model, CancellationToken cancellationToken = default) => AnswerAsync("delete " + model, true);

    public Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default) => AnswerAsync("blob? " + digest, true);

    public Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default) => AnswerAsync("blob " + digest, true);

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    private ModelSummary Summary(string model) => new() { Name = model, Digest = "", Details = new ModelDetails(), ModifiedAt = ModifiedAt, SizeBytes = 1 << 20 };

    private Task<T> AnswerAsync<T>(object asked, T answer)
    {
        Asked.Enqueue(asked);
        return Fails is { } failure ? Task.FromException<T>(failure) : Task.FromResult(answer);
    }

    private async IAsyncEnumerable<GenerationUpdate> AskAsync(GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Asked.Enqueue(request);
        await Task.Yield();
        if (Fails is { } failure)
            throw failure;
        await foreach (var update in (Stream?.Invoke(cancellationToken) ?? Answer(name)).WithCancellation(cancellationToken))
            yield return update;
    }

    private async IAsyncEnumerable<ModelProgress> StepsAsync()
    {
        await Task.Yield();
        yield return new ModelProgress("working");
        if (Fails is { } failure)
            throw failure;
        yield return new ModelProgress("success");
    }
}
