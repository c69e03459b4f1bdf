using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Merging;

/// <summary>
/// A request for vectors with more texts than go together, sent in slices, so that the texts of other callers go between them. Some are
/// under way at a time; the first that fails ends
/// the others. For one request.
/// </summary>
/// <param name="request">The request.</param>
/// <param name="options">How much goes together.</param>
internal sealed class EmbeddingSlices(EmbedRequest request, MergingOptions options)
{
    // In each slot two slices run, and two wait to follow them.
    private const int SlicesOfSlot = 4;

    private int _next = -1;
    private long _left;

    /// <summary>Whether there is more than goes together.</summary>
    public static bool AreNeeded(EmbedRequest request, MergingOptions options) =>
        request.Inputs.Count > 1 && (request.Inputs.Count > options.MaxInputs || request.Characters > options.MaxCharacters);

    /// <summary>Sends all.</summary>
    /// <param name="send">Sends one slice, and tells where its caller has left it at a node.</param>
    /// <param name="slots">Calls that can run at once.</param>
    /// <param name="cancellationToken">The caller.</param>
    /// <exception cref="InvalidRequestException">The answer would be too large; see <see cref="EmbedLimits"/>.</exception>
    /// <returns>All vectors. Tokens are the sum; the times are those of the slowest slice.</returns>
    public async Task<EmbedResult> RunAsync(Func<EmbedRequest, Action, CancellationToken, Task<EmbedResult>> send, int slots, CancellationToken cancellationToken)
    {
        EmbedLimits.Check(request.Count, 0);
        var slices = Slices();
        var results = new EmbedResult?[slices.Count];
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Math.Min(slices.Count, SlicesOfSlot * Math.Max(1, slots))).Select(_ => SendAsync())).ConfigureAwait(false);
        }
        finally
        {
            // What was made is paid for, also where the rest has failed; so is what a node works on for a client that has left.
            var left = cancellationToken.IsCancellationRequested ? Interlocked.Read(ref _left) : 0;
            RequestMeasure.Current?.Tokens((int)Math.Min(int.MaxValue, results.Sum(result => (long)(result?.PromptTokens ?? 0)) + left), 0);
        }
        return new EmbedResult
        {
            Vectors = [.. results.SelectMany(result => result!.Vectors)],
            PromptTokens = (int)Math.Min(int.MaxValue, results.Sum(result => (long)result!.PromptTokens)),
            TotalDuration = results.Max(result => result!.TotalDuration),
            LoadDuration = results.Max(result => result!.LoadDuration),
        };

        async Task SendAsync()
        {
            for (int at; (at = Interlocked.Increment(ref _next)) < slices.Count && !ending.IsCancellationRequested;)
            {
                try
                {
                    var slice = request with { Inputs = slices[at] };
                    results[at] = await send(slice, () => Interlocked.Add(ref _left, Math.Max(1, slice.Characters / RouteRequest.CharactersPerToken)), ending.Token).ConfigureAwait(false);
                    // What all slices bring together is one answer, as if a node had made it at once.
                    if (results[at]!.Vectors is [var first, ..])
                        EmbedLimits.Check(request.Count, first.Length);
                }
                catch (OperationCanceledException) when (ending.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                {
                    // Another slice has failed, which says why.
                    return;
                }
                catch
                {
                    await ending.CancelAsync().ConfigureAwait(false);
                    throw;
                }
            }
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Half of what goes together, so that two callers always fit into one call.</summary>
    private List<IReadOnlyList<string>> Slices()
    {
        var (mostInputs, mostCharacters) = (Math.Max(1, options.MaxInputs / 2), Math.Max(1, options.MaxCharacters / 2));
        var slices = new List<IReadOnlyList<string>>();
        var slice = new List<string>();
        var characters = 0L;
        foreach (var text in request.Inputs)
        {
            if (slice.Count > 0 && (slice.Count >= mostInputs || characters + text.Length > mostCharacters))
            {
                slices.Add(slice);
                (slice, characters) = ([], 0);
            }
            slice.Add(text);
            characters += text.Length;
        }
        slices.Add(slice);
        return slices;
    }
}
