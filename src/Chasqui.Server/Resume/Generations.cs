using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>The generations that whoever lost his connection can come back to. Thread-safe.</summary>
internal sealed class Generations(IServiceProvider services, GatewayOptions options, CallerLoads loads, TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Tenant, string Id), Generation> _kept = new();

    private readonly Lock _gate = new();
    private readonly LinkedList<Generation> _ended = [];
    private readonly Dictionary<string, (int Count, long Bytes)> _ofCaller = new(StringComparer.Ordinal);
    private long _bytes;

    /// <summary>Those that are kept.</summary>
    public int Count => _kept.Count;

    /// <summary>Answers a request by a run that goes on without it.</summary>
    /// <param name="http">The request.</param>
    /// <param name="whole">Its body, which is disposed of when the run is over.</param>
    /// <param name="answer">Answers the request that stands for it.</param>
    public async Task AnswerAsync(HttpContext http, PooledBody whole, Func<HttpContext, Task> answer)
    {
        var id = "g-" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", 24);
        if (Keep<SharedPart>(id, SharedPart.SizeOf, out _) is not { } generation)
        {
            // As if nobody had asked for it: without an id, nobody can come back.
            using (whole)
            {
                http.Request.Headers.Remove(ResumeHeaders.Resume);
                RequestState.Of(http).Body = whole.Memory;
                await answer(http).ConfigureAwait(false);
            }
            return;
        }
        generation.Place = loads.Keep(RequestState.Of(http));
        var reader = generation.Join()!;
        var run = new SharedRun(services, http, whole.Memory);
        generation.Stream.Tag = run.State;
        // The body goes on with the run, and what it has of the budget.
        (run.State.Charge, RequestState.Of(http).Charge) = (RequestState.Of(http).Charge, null);
        http.Response.Headers[ResumeHeaders.Generation] = id;
        _ = RunAsync(run, generation, whole, answer);
        try
        {
            await CopyAsync(http, reader, 0).ConfigureAwait(false);
        }
        finally
        {
            if (reader.Stream.IsComplete)
                GenerationSharing.Learn(RequestState.Of(http), run.State);
            generation.Left(reader);
        }
    }

    /// <summary>The generation of that id of whoever asks, which is made where there is none.</summary>
    /// <param name="id">The id.</param>
    /// <param name="sizeOf">The bytes of a part.</param>
    /// <param name="isNew">Whether it was made, so that somebody has to run it.</param>
    /// <returns>Null where too many are kept already.</returns>
    /// <exception cref="InvalidRequestException">There is one of another form.</exception>
    public Generation<T>? Keep<T>(string id, Func<T, int> sizeOf, out bool isNew)
    {
        isNew = false;
        var key = (CallerGate.Caller.Sharers, id);
        if (!_kept.TryGetValue(key, out var found))
        {
            if (!HasRoom(key.Sharers) && !TryMakeRoom(key.Sharers))
                return null;
            var made = new Generation<T>(id, key.Sharers, sizeOf, options.Resume, time, Ended, Gone, Grew);
            lock (_gate)
            {
                found = _kept.GetOrAdd(key, made);
                isNew = found == made;
                if (isNew)
                    Account(key.Sharers, 1, 0);
            }
            if (!isNew)
                made.Cancel();
        }
        return found as Generation<T> ?? throw new InvalidRequestException($"generation \"{id}\" was asked for by HTTP, and is kept in that form; ask for it there");
    }

    private void Ended(Generation generation)
    {
        lock (_gate)
        {
            if (_kept.TryGetValue((generation.Tenant, generation.Id), out var kept) && kept == generation)
                _ended.AddLast(generation);
        }
    }

    private void Gone(Generation generation)
    {
        lock (_gate)
        {
            _ended.Remove(generation);
            if (!_kept.TryRemove(new((generation.Tenant, generation.Id), generation)))
                return;
            Account(generation.Tenant, -1, -generation.Bytes);
        }
    }

    /// <summary>
    /// There is more of an answer. Where that is too much, ended answers of the same caller go, the oldest first, and where there is none,
    /// no caller can come back to this one.
    /// </summary>
    private void Grew(Generation generation, int bytes)
    {
        lock (_gate)
        {
            if (!_kept.TryGetValue((generation.Tenant, generation.Id), out var kept) || kept != generation)
                return;
            generation.Bytes += bytes;
            Account(generation.Tenant, 0, bytes);
        }
        while (IsTooMuch(generation.Tenant))
        {
            if (TryMakeRoom(generation.Tenant))
                continue;
            generation.LetGo();
            return;
        }
    }

    private bool IsTooMuch(string sharers)
    {
        lock (_gate)
            return _bytes > options.Resume.MaxBytes || _ofCaller.GetValueOrDefault(sharers).Bytes > options.Resume.MaxBytesPerCaller;
    }

    /// <summary>Under the lock.</summary>
    private void Account(string sharers, int count, long bytes)
    {
        _bytes += bytes;
        var (had, hadBytes) = _ofCaller.GetValueOrDefault(sharers);
        if (had + count > 0)
            _ofCaller[sharers] = (had + count, hadBytes + bytes);
        else
            _ofCaller.Remove(sharers);
    }

    private bool HasRoom(string sharers)
    {
        lock (_gate)
            return _kept.Count < options.Resume.MaxKept && _ofCaller.GetValueOrDefault(sharers).Count < options.Resume.MaxKeptPerCaller;
    }

    /// <summary>Of the caller's own the one goes that ended first: most clients that read an answer to its end do not come back. No caller takes the place of another.</summary>
    private bool TryMakeRoom(string sharers)
    {
        Generation? first;
        lock (_gate)
            first = _ended.FirstOrDefault(generation => generation.MayGo && generation.Tenant == sharers);
        first?.Cancel();
        return first is not null;
    }

    /// <summary>One that is kept, for whoever asks.</summary>
    /// <exception cref="GenerationNotFoundException">There is none.</exception>
    public Generation Find(string id) => _kept.TryGetValue((CallerGate.Caller.Sharers, id), out var found) ? found : throw new GenerationNotFoundException(Field.Clip(id));

    /// <summary>One that is kept in that form.</summary>
    /// <exception cref="GenerationNotFoundException">There is none.</exception>
    public Generation<T> Find<T>(string id) => Find(id) as Generation<T>
        ?? throw new GenerationNotFoundException(Field.Clip(id), "it was asked for in another form (HTTP, or messages of MCP), and is kept in that");

    /// <summary>Sends what there is from an offset on, and then what comes.</summary>
    public static async Task CopyAsync(HttpContext http, SharedReader<SharedPart> reader, long offset)
    {
        var state = RequestState.Of(http);
        var skip = offset;
        var before = 0;
        while (await reader.ReadAsync(http.RequestAborted).ConfigureAwait(false) is (true, var part))
        {
            if (part.Head is { } head)
            {
                Read(state, reader.Stream, offset);
                GenerationSharing.Head(http, head);
                if (offset > 0)
                {
                    http.Response.ContentLength = http.Response.ContentLength is { } whole ? Math.Max(0, whole - offset) : null;
                    http.Response.Headers[ResumeHeaders.Offset] = offset.ToString(CultureInfo.InvariantCulture);
                }
                continue;
            }
            var body = part.Body;
            var again = (int)Math.Min(skip, body.Length);
            skip -= again;
            if (again == body.Length)
            {
                before = part.Tokens;
                continue;
            }
            state.Measure?.FirstToken();
            state.Measure?.PassedUpTo(part.Tokens - before);
            state.SentBytes += body.Length - again;
            var flushed = await http.Response.BodyWriter.WriteAsync(body[again..], http.RequestAborted).ConfigureAwait(false);
            if (flushed.IsCompleted || flushed.IsCanceled)
                throw new OperationCanceledException("the client has left", http.RequestAborted);
        }
        if (reader.Stream.Tag is RequestState { Measure: { } made })
            state.Measure?.Tokens(before == 0 ? made.InputTokens : 0, Math.Max(0, made.OutputTokens - before));
    }

    /// <summary>The run is let in, and settled, by itself; its readers are told where its limits stand.</summary>
    private static void Read(RequestState state, SharedStream<SharedPart> stream, long offset)
    {
        if (state.Measure is not { } measure || stream.Tag is not RequestState { Measure: { } made } run)
            return;
        state.Model = run.Model;
        measure.Reads(made);
        measure.Limits ??= made.Limits;
        if (offset == 0)
            measure.ExpectedTokens = made.ExpectedTokens;
    }

    private static async Task RunAsync(SharedRun run, Generation<SharedPart> generation, PooledBody whole, Func<HttpContext, Task> answer)
    {
        try
        {
            await run.RunAsync(
                inner =>
                {
                    inner.Request.Headers.Remove(ResumeHeaders.Resume);
                    return answer(inner);
                }, generation.Stream, generation.Token).ConfigureAwait(false);
            // A client that has read its end finds its place free.
            generation.Place?.Ended();
            generation.Stream.Complete();
        }
#pragma warning disable CA1031 // Every reader is told, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            generation.Place?.Ended();
            generation.Stream.Complete(e);
        }
        run.State.Body = null;
        whole.Dispose();
        generation.Ended();
    }
}
