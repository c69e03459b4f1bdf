using System.Diagnostics;
using System.Globalization;
using Chasqui.Engines.Wire;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Chasqui.Transport;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>Generations over MCP that outlive their connection: kept under an id that the client chose, so that also who never saw the answer's head can come back. Thread-safe.</summary>
internal sealed class WireGenerations(Generations generations, CallerLoads loads)
{
    /// <summary>Names the generation; equal in all requests for the same one.</summary>
    public const string Id = "generation";

    /// <summary>The updates that the client has.</summary>
    public const string Offset = "offset";

    private const int MinId = 16;
    private const int MaxId = 64;

    public IEnumerable<KeyValuePair<string, WireOperation>> All =>
    [
        new(Op.GenerationResume, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, Messages.ResumeRequest.Parser, ct).ConfigureAwait(false);
            await ComeBackAsync(call, answer, request.Id, request.Offset, ct).ConfigureAwait(false);
        }),
        new(Op.GenerationCancel, async (call, answer, ct) =>
        {
            generations.Find((await WireRequest.ReadAsync(call, Messages.GenerationName.Parser, ct).ConfigureAwait(false)).Id).Cancel();
            await answer.SendAsync(new Messages.Empty(), end: true, ct).ConfigureAwait(false);
        }),
    ];

    /// <summary>Whether a call wants to be able to come back.</summary>
    public static bool Wants(IncomingCall call) => call.Headers[Id] is not null;

    /// <summary>Whether a call may be for an answer that is kept already, and has a place.</summary>
    public static bool MayComeBack(IncomingCall call, string op) => op is Op.GenerationResume or Op.GenerationCancel || Wants(call);

    /// <summary>Answers a call by a run that goes on without it: one that is begun now, or the one that was begun under that id before.</summary>
    /// <param name="call">The call.</param>
    /// <param name="answer">Its answer.</param>
    /// <param name="withTokens">Whether the ids of tokens were asked for.</param>
    /// <param name="begin">Lets a new one in, once, and gives what makes it.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <returns>False where too many are kept: it is to be answered as if nobody had asked for that.</returns>
    /// <exception cref="GenerationNotFoundException">It should have been begun already.</exception>
    /// <exception cref="InvalidRequestException">The id or the offset cannot be.</exception>
    public async ValueTask<bool> TryAnswerAsync(
        IncomingCall call, WireAnswer answer, bool withTokens, Func<ValueTask<Func<CancellationToken, IAsyncEnumerable<GenerationUpdate>>>> begin, CancellationToken cancellationToken)
    {
        var id = call.Headers[Id]!;
        if (id.Length is < MinId or > MaxId || !id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            throw new InvalidRequestException($"{Id} is \"{RequestEntry.Printable(id)}\", but must be {MinId} to {MaxId} characters a-z, 0-9 and -, which no other generation of yours has");
        var offset = OffsetOf(call);
        if (offset > 0)
        {
            await ComeBackAsync(call, answer, id, offset, cancellationToken).ConfigureAwait(false);
            return true;
        }
        if (Join(id, out var isNew) is not (var generation, var reader))
        {
            EnsurePlace(call);
            return false;
        }
        if (isNew)
        {
            try
            {
                EnsurePlace(call);
                if (LoadOf(call) is { } load)
                    answer.Kept = generation.Place = loads.Keep(load);
                _ = RunAsync(generation, withTokens, await begin().ConfigureAwait(false), RequestMeasure.Current?.Share(pays: true));
            }
            catch (Exception e)
            {
                generation.Place?.Ended();
                generation.Stream.Complete(e);
                generation.Cancel();
                generation.Left(reader);
                throw;
            }
        }
        await FollowAsync(call, answer, generation, reader, 0, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// The generation of that id, with a reader of it. One that is new is read from before it runs: what fails before its first update is
    /// let go at once, and why it failed is told all the same.
    /// </summary>
    /// <returns>Null where too many are kept.</returns>
    private (Generation<KeptUpdate> Generation, SharedReader<KeptUpdate> Reader)? Join(string id, out bool isNew)
    {
        // One that is let go between being found and being joined is kept no longer when it is looked for again.
        for (var isAgain = false; ; isAgain = true)
        {
            if (generations.Keep<KeptUpdate>(id, KeptUpdate.SizeOf, out isNew) is not { } generation)
                return null;
            if (generation.Join() is { } reader)
                return (generation, reader);
            if (isAgain)
                throw TooLong(id);
        }
    }

    private Task ComeBackAsync(IncomingCall call, WireAnswer answer, string id, long offset, CancellationToken cancellationToken)
    {
        var generation = generations.Find<KeptUpdate>(id);
        return FollowAsync(call, answer, generation, generation.Join() ?? throw TooLong(generation.Id), offset, cancellationToken);
    }

    private static GenerationNotFoundException TooLong(string id) => new(id, "it has become too long to be kept");

    private static CallerLoad? LoadOf(IncomingCall call) => (call.Connection.Budget as ConnectionBudget)?.Load;

    /// <summary>What is new needs a place of its own.</summary>
    private void EnsurePlace(IncomingCall call)
    {
        if (LoadOf(call) is { } load)
            loads.EnsurePlace(load, CallerGate.Caller);
    }

    /// <summary>
    /// A reader that comes back uses the place of the answer, if that still runs and has no other reader; else it needs its own.
    /// </summary>
    private void Read(IncomingCall call, WireAnswer answer, KeptPlace? place)
    {
        if (answer.Kept is not null || LoadOf(call) is not { } load)
            return;
        if (place?.TryRead(load) != true)
        {
            loads.EnsurePlace(load, CallerGate.Caller);
            return;
        }
        answer.Kept = place;
        loads.LeaveRequest(load);
    }

    private async Task FollowAsync(
        IncomingCall call, WireAnswer answer, Generation<KeptUpdate> generation, SharedReader<KeptUpdate> reader, long offset, CancellationToken cancellationToken)
    {
        try
        {
            Read(call, answer, generation.Place);
            var measure = RequestMeasure.Current;
            answer.Generation = generation.Id;
            if (generation.Stream.IsComplete && generation.Stream.Items.Count is var all && offset >= all && generation.Stream.Failure is null)
                throw new InvalidRequestException(FormattableString.Invariant($"{Offset} is {offset}, but the whole answer has {all} updates"));
            var before = 0;
            for (var index = 0L; await reader.ReadAsync(cancellationToken).ConfigureAwait(false) is (true, var update); index++)
            {
                if (index < offset)
                {
                    before = update.Tokens;
                    continue;
                }
                measure?.FirstToken();
                if (measure is not null && generation.Stream.Tag is RequestMeasure shared)
                    Count(measure, shared, update, before);
                await answer.PassAsync(update.Message, update.IsLast, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // Whose deadline has passed wants no more of it either.
            generation.Left(reader, call.IsReset || (cancellationToken.IsCancellationRequested && !call.Aborted.IsCancellationRequested));
        }
    }

    /// <summary>What a reader gets is in its log; what is made is settled by the run, for all its readers.</summary>
    private static void Count(RequestMeasure measure, RequestMeasure shared, KeptUpdate update, int before)
    {
        measure.Reads(shared);
        measure.PassedUpTo(update.Tokens - before);
        if (!update.IsLast)
            return;
        measure.Answered(shared);
        measure.Tokens(before == 0 ? shared.InputTokens : 0, Math.Max(0, shared.OutputTokens - before));
    }

    private static async Task RunAsync(
        Generation<KeptUpdate> generation, bool withTokens, Func<CancellationToken, IAsyncEnumerable<GenerationUpdate>> make, RequestMeasure? measure)
    {
        RequestContext.Current = measure;
        Activity.Current = null;
        var stream = generation.Stream;
        stream.Tag = measure;
        var hasResult = false;
        try
        {
            await foreach (var update in make(generation.Token).WithCancellation(generation.Token).ConfigureAwait(false))
            {
                if (update.Result is { } result)
                {
                    hasResult = true;
                    measure?.Tokens(result.PromptTokens, result.CompletionTokens);
                }
                await stream.WriteAsync(new KeptUpdate(WireUpdates.ToWire(update, withTokens).ToByteArray(), hasResult, measure?.PassedTokens ?? 0), generation.Token).ConfigureAwait(false);
            }
            // A client that has read its end finds it settled, and its place free.
            measure?.Ended(hasResult ? RequestOutcome.Ok : RequestOutcome.Failed);
            generation.Place?.Ended();
            stream.Complete(hasResult ? null : new EngineFailedException("the engine ended its answer without a result"));
        }
#pragma warning disable CA1031 // Every reader is told, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            measure?.Ended(generation.Token.IsCancellationRequested ? RequestOutcome.Cancelled : RequestOutcome.Failed, WireErrors.CodeOf(e));
            generation.Place?.Ended();
            // It was ended by somebody else: whoever still reads is not the one who gave up.
            stream.Complete(e is OperationCanceledException ? new EngineFailedException($"generation \"{generation.Id}\" was ended") : e);
            // Whoever asks once more is to have it tried once more.
            if (stream.Items.Count == 0)
                generation.Cancel();
        }
        generation.Ended();
    }

    private static long OffsetOf(IncomingCall call) => call.Headers[Offset] is not { } text ? 0
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset) ? offset
        : throw new InvalidRequestException($"{Offset} is \"{RequestEntry.Printable(text)}\", but must be how many updates are known already, such as 42");
}
