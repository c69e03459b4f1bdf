using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Merging;

/// <summary>A request with very many texts goes in slices, between which the texts of others go.</summary>
public sealed class EmbeddingSlicesTests : IDisposable
{
    private const int Most = 64;

    private readonly HeldUpstream _upstream = new();
    private readonly GatewayTelemetry _telemetry = new();
    private readonly EmbeddingMerger _merger;

    public EmbeddingSlicesTests()
    {
        var settings = new GatewaySettings { Merging = new MergingOptions { MaxInputs = Most, MaxCharacters = 1 << 20 } };
        _merger = new EmbeddingMerger(_upstream, () => settings, new FakeTimeProvider());
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _telemetry.Dispose();

    [Fact]
    public async Task One_text_beside_very_many_waits_for_two_calls_at_most()
    {
        var (ofMany, _) = AskAs("many", Enumerable.Range(0, 16_384).Select(i => $"t{i}"));
        await AnswerAsync(3);
        var (one, _) = AskAs("one", ["alone"]);

        await AnswerAsync(2);
        Assert.Equal(HeldUpstream.Vector("alone"), (await one.WaitAsync(TimeSpan.FromSeconds(60), Cancellation)).Vectors.Single());
        Assert.False(ofMany.IsCompleted);

        while (!ofMany.IsCompleted)
            await AnswerAsync(1, ofMany);
        var all = await ofMany;
        Assert.Equal(Enumerable.Range(0, 16_384).Select(i => HeldUpstream.Vector($"t{i}")), all.Vectors);
        Assert.All(_upstream.Calls, call => Assert.InRange(call.Request.Inputs.Count, 1, Most));
    }

    [Fact]
    public async Task More_texts_than_one_answer_can_hold_are_refused_before_one_is_sent()
    {
        var (asking, _) = AskAs("many", Enumerable.Repeat("a", EmbedLimits.MaxTexts + 1));

        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => asking);

        Assert.Contains("16385 inputs are too many for one request, which may hold 16384", error.Message);
        Assert.Empty(_upstream.Calls);
    }

    [Fact]
    public async Task Where_one_slice_fails_all_has_failed_and_what_was_made_is_paid_for()
    {
        var (asking, measure) = AskAs("many", Enumerable.Range(0, 500).Select(i => i == 300 ? "bad" : "abcd"));
        while (!asking.IsCompleted)
            await AnswerAsync(1, asking);

        await Assert.ThrowsAsync<InvalidRequestException>(() => asking);
        // A text of four characters has two tokens; those of the slice that failed are not paid for.
        var made = _upstream.Calls.Where(call => call.Task.IsCompletedSuccessfully).Sum(call => call.Request.Inputs.Count);
        Assert.InRange(made, Most, 499);
        Assert.InRange(measure.InputTokens, 2 * Most, 2 * made);
    }

    [Fact]
    public async Task Who_leaves_ends_all_and_pays_for_what_was_made()
    {
        using var leave = new CancellationTokenSource();
        var (asking, measure) = AskAs("many", Enumerable.Repeat("abcd", 5_000), leave);
        await AnswerAsync(2);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        measure.Ended(RequestOutcome.Cancelled);

        await UntilAsync(() => _upstream.Open.Count == 0);
        Assert.InRange(measure.InputTokens, 1, 1_000);
    }

    /// <summary>Answers calls when they have come.</summary>
    private async Task AnswerAsync(int count, Task? unless = null)
    {
        for (var i = 0; i < count && unless?.IsCompleted != true; i++)
        {
            await UntilAsync(() => _upstream.Last is { IsOver: false } || unless?.IsCompleted == true);
            if (_upstream.Last is { IsOver: false } call)
                call.Answer();
        }
    }

    // Callers go on by themselves, a moment after their call has ended.
    private static async Task UntilAsync(Func<bool> met)
    {
        while (!met())
        {
            Cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private (Task<EmbedResult> Asking, RequestMeasure Measure) AskAs(string caller, IEnumerable<string> texts, CancellationTokenSource? leave = null)
    {
        var measure = _telemetry.Begin(new RequestOrigin("http", "/api/embed", "embed"));
        measure.Caller = new Caller { Id = caller };
        measure.Asks("embeddings", "m");
        RequestContext.Current = measure;
        var asking = _merger.EmbedAsync(new EmbedRequest { Model = "m", Inputs = [.. texts] }, null, leave?.Token ?? Cancellation);
        RequestContext.Current = null;
        return (asking, measure);
    }
}
