using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models;
using Chasqui.Engines.Tests.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>An engine over a folder of copies of the shipped model.</summary>
internal sealed class EngineBed : IAsyncDisposable
{
    /// <summary>No wait of a test is longer; it only ends tests that hang.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    internal static readonly LlamaEngineOptions Settings = new() { Threads = 1, ContextLength = 1024, Slots = 16 };

    private readonly TemporaryFolder _folder = new();

    internal EngineBed(
        LlamaEngineOptions? settings = null, TimeProvider? time = null, Func<long>? availableBytes = null, ILoggerFactory? loggers = null, params string[] models)
    {
        foreach (var model in models.Length > 0 ? models : ["mini"])
            Copy(model);
        var store = new ModelStore(new ModelStoreOptions { Folders = [_folder.Path], OllamaFolder = "" });
        Engine = new LlamaEngine(
            settings ?? Settings, store, time ?? TimeProvider.System, loggers ?? NullLoggerFactory.Instance, availableBytes ?? (() => 8L << 30));
    }

    internal static string ModelFile => Path.Combine(AppContext.BaseDirectory, "mini.gguf");

    internal LlamaEngine Engine { get; }

    internal string Folder => _folder.Path;

    /// <summary>What has not ended when a test is cut short ends here.</summary>
    internal static CancellationToken Token => TestContext.Current.CancellationToken;

    internal void Copy(string model) => File.Copy(ModelFile, Path.Combine(_folder.Path, model + ".gguf"));

    internal Task<Answer> Generate(GenerateRequest request, CancellationToken? token = null) =>
        Answer.Of(Engine.GenerateAsync(request, token ?? Token), token ?? Token);

    internal Task<Answer> Chat(ChatRequest request, CancellationToken? token = null) =>
        Answer.Of(Engine.ChatAsync(request, token ?? Token), token ?? Token);

    internal Task<Answer> Ask(string question, GenerationOptions? options = null, CancellationToken? token = null) =>
        Chat(Question(question, options), token);

    internal static ChatRequest Question(string question, GenerationOptions? options = null, string model = "mini") => new()
    {
        Model = model,
        Messages = [new ChatMessage { Role = "user", Content = question }],
        Options = options ?? new GenerationOptions { Temperature = 0 },
    };

    internal async Task<ResidentModel> Resident(string model = "mini") =>
        (await Engine.ListResidentAsync(Token)).Single(m => m.Summary.Name == model + ":latest");

    /// <summary>
    /// Waits until something holds of the decode loop. A vector is computed between two looks, so the loop has made a step:
    /// how long that takes does not matter, only how many.
    /// </summary>
    internal async Task Until(Func<ResidentModel, bool> holds, string model = "mini", int steps = 300)
    {
        for (var i = 0; i < steps; i++)
        {
            if (holds(await Resident(model)))
                return;
            await Engine.EmbedAsync(new EmbedRequest { Model = model, Inputs = ["."] }, Token).WaitAsync(Patience, Token);
        }

        Assert.Fail($"after {steps} steps: {await Resident(model)}");
    }

    /// <summary>No request has a slot or waits for one.</summary>
    internal Task UntilIdle(string model = "mini") => Until(m => m is { Running: 0, Waiting: 0 }, model);

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync().AsTask().WaitAsync(Patience, CancellationToken.None);
        _folder.Dispose();
    }
}
