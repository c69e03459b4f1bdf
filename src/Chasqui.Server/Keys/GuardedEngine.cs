using System.Runtime.CompilerServices;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Server;

/// <summary>An engine as whoever asks may see and use it. Costs nothing for each token, but where a request had to wait for its turn. Thread-safe.</summary>
internal sealed class GuardedEngine(IEngine inner, CallerGate gate) : IEngine
{
    public string Name => inner.Name;

    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        gate.EnsureTemplate(!string.IsNullOrEmpty(request.Template));
        return Admitted(request, request.Prompt.Length, () => inner.GenerateAsync(request, cancellationToken), cancellationToken);
    }

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        Admitted(request, request.Messages.Sum(message => (long)message.Content.Length), () => inner.ChatAsync(request, cancellationToken), cancellationToken);

    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        await gate.AdmitAsync(request.Model, request.Characters, 0, cancellationToken).ConfigureAwait(false);
        return await inner.EmbedAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        await gate.AdmitAsync(request.Model, request.Text.Length, 0, cancellationToken).ConfigureAwait(false);
        return await inner.TokenizeAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default)
    {
        var all = await inner.ListAsync(cancellationToken).ConfigureAwait(false);
        return CallerGate.Caller.Models.Count == 0 ? all : [.. all.Where(model => gate.MaySee(model.Name))];
    }

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default)
    {
        gate.Ensure(model);
        return inner.ShowAsync(model, cancellationToken);
    }

    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        await gate.AdmitLoadAsync(request.Model, cancellationToken).ConfigureAwait(false);
        if (request.KeepAlive == TimeSpan.Zero && !gate.Holds(request.Model))
            gate.EnsureMayUnload(request.Model);
        return await inner.LoadAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default)
    {
        await gate.AdmitLoadAsync(model, cancellationToken).ConfigureAwait(false);
        gate.EnsureMayUnload(model);
        return await inner.UnloadAsync(model, cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default)
    {
        var all = await inner.ListResidentAsync(cancellationToken).ConfigureAwait(false);
        return CallerGate.Caller.Models.Count == 0 ? all : [.. all.Where(model => gate.MaySee(model.Summary.Name))];
    }

    /// <summary>The engine is its owner's to dispose.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private IAsyncEnumerable<GenerationUpdate> Admitted(
        GenerationRequest request, long promptCharacters, Func<IAsyncEnumerable<GenerationUpdate>> run, CancellationToken cancellationToken)
    {
        RequestMeasure.Current?.Asks(request is ChatRequest ? "chat" : "text_completion", request.Model);
        var admission = gate.AdmitAsync(request.Model, promptCharacters, request.Options.NumPredict, cancellationToken);
        return admission.IsCompletedSuccessfully ? run() : AfterAsync(admission, run, cancellationToken);
    }

    private static async IAsyncEnumerable<GenerationUpdate> AfterAsync(
        ValueTask admission, Func<IAsyncEnumerable<GenerationUpdate>> run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await admission.ConfigureAwait(false);
        await foreach (var update in run().WithCancellation(cancellationToken).ConfigureAwait(false))
            yield return update;
    }
}
