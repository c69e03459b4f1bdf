using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Chasqui.Gateway.Merging;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>The generations that whoever lost his connection can come back to. Thread-safe.</summary>
internal sealed class Generations(IServiceProvider services, GatewayOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Generation> _kept = new(StringComparer.Ordinal);

    /// <summary>Those that are kept.</summary>
    public int Count => _kept.Count;

    /// <summary>Answers a request by a run that goes on without it.</summary>
    /// <param name="http">The request.</param>
    /// <param name="body">Its body; not to change any more.</param>
    /// <param name="answer">Answers the request that stands for it.</param>
    public async Task AnswerAsync(HttpContext http, byte[] body, Func<HttpContext, Task> answer)
    {
        if (_kept.Count >= options.Resume.MaxKept)
        {
            // As if nobody had asked for it: without an id, nobody can come back.
            http.Request.Headers.Remove(ResumeHeaders.Resume);
            RequestState.Of(http).Body = body;
            await answer(http).ConfigureAwait(false);
            return;
        }
        var id = "g-" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", 24);
        var generation = new Generation(id, CallerGate.Caller.Sharers, options.Resume, time, gone => _kept.TryRemove(new(gone.Id, gone)));
        _kept[id] = generation;
        var reader = generation.Join()!;
        var run = new SharedRun(services, http, body);
        http.Response.Headers[ResumeHeaders.Generation] = id;
        _ = RunAsync(run, generation, answer);
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

    /// <summary>One that is kept, for whoever asks; null where there is none.</summary>
    public Generation? Find(string id) => _kept.TryGetValue(id, out var found) && found.Tenant == CallerGate.Caller.Sharers ? found : null;

    /// <summary>Sends what there is from an offset on, and then what comes.</summary>
    public static async Task CopyAsync(HttpContext http, SharedReader<SharedPart> reader, long offset)
    {
        var state = RequestState.Of(http);
        var skip = offset;
        while (await reader.ReadAsync(http.RequestAborted).ConfigureAwait(false) is (true, var part))
        {
            if (part.Head is { } head)
            {
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
                continue;
            state.Measure?.FirstToken();
            state.SentBytes += body.Length - again;
            var flushed = await http.Response.BodyWriter.WriteAsync(body[again..], http.RequestAborted).ConfigureAwait(false);
            if (flushed.IsCompleted || flushed.IsCanceled)
                throw new OperationCanceledException("the client has left", http.RequestAborted);
        }
    }

    private static async Task RunAsync(SharedRun run, Generation generation, Func<HttpContext, Task> answer)
    {
        try
        {
            await run.RunAsync(
                inner =>
                {
                    inner.Request.Headers.Remove(ResumeHeaders.Resume);
                    return answer(inner);
                }, generation.Stream, generation.Token).ConfigureAwait(false);
            generation.Stream.Complete();
        }
#pragma warning disable CA1031 // Every reader is told, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            generation.Stream.Complete(e);
        }
        generation.Ended();
    }
}
