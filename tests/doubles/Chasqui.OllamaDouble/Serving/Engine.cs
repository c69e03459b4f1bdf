using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Chasqui.OllamaDouble;

/// <summary>Computes answers: the way of a request through scheduler, slot, prompt and tokens, and what goes wrong on it.</summary>
internal sealed class Engine(Func<DoubleScript> script, Scheduler scheduler, TimeProvider time, DoubleCounters counters)
{
    private const string Died = "an error was encountered while running the model: unexpected EOF";

    /// <summary>Answers a request for a text.</summary>
    public async Task GenerateAsync(HttpContext context, Generation request, AnswerFormat format, Fault? fault)
    {
        var cancellation = context.RequestAborted;
        var pace = new Pace(time);
        if (request.LoadOnly && request.KeepAlive == TimeSpan.Zero)
        {
            scheduler.Expire(request.Model);
            await LoadedAsync(context, request, format, "unload").ConfigureAwait(false);
            return;
        }
        var runner = await scheduler.AcquireAsync(request.Model, request.Runner, request.KeepAlive, fault?.Kind == FaultKind.LoadFails ? fault : null, cancellation).ConfigureAwait(false);
        try
        {
            // As llama-server does, a request that waits for a slot is not counted as loading (recorded).
            var load = pace.Elapsed;
            if (request.LoadOnly)
                await LoadedAsync(context, request, format, "load").ConfigureAwait(false);
            else
                await InSlotAsync(runner, () => ComputeAsync(context, request, format, fault, runner, load, pace), cancellation).ConfigureAwait(false);
        }
        finally
        {
            scheduler.Release(runner);
        }
    }

    /// <summary>Computes something that is no text, for a number of prompt tokens.</summary>
    public async Task<TimeSpan> EmbedAsync(StoredModel model, RunnerOptions options, TimeSpan? keepAlive, int tokens, Fault? fault, HttpContext context)
    {
        var pace = new Pace(time);
        var runner = await scheduler.AcquireAsync(model, options, keepAlive, fault?.Kind == FaultKind.LoadFails ? fault : null, context.RequestAborted).ConfigureAwait(false);
        try
        {
            var load = pace.Elapsed;
            await InSlotAsync(runner, async () =>
            {
                await Pace.WaitAsync(tokens * PerPromptToken(model), time, context.RequestAborted).ConfigureAwait(false);
                if (fault?.Kind is FaultKind.HangMidStream)
                    await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(false);
                if (fault?.Kind is FaultKind.DropMidStream)
                    context.Abort();
                if (fault?.Kind is FaultKind.ErrorLine)
                    throw new ApiException(500, fault.Message ?? Died);
                if (fault?.Kind is FaultKind.EngineDies)
                {
                    scheduler.Kill(runner);
                    throw new ApiException(500, Died);
                }
            }, context.RequestAborted).ConfigureAwait(false);
            return load;
        }
        finally
        {
            scheduler.Release(runner);
        }
    }

    private async Task InSlotAsync(Runner runner, Func<Task> compute, CancellationToken cancellation)
    {
        if (!runner.Slots.Wait(0, CancellationToken.None))
        {
            counters.Add(ref counters.SlotWaits);
            counters.Add(ref counters.WaitingForSlot);
            try
            {
                await runner.Slots.WaitAsync(cancellation).ConfigureAwait(false);
            }
            finally
            {
                counters.Add(ref counters.WaitingForSlot, -1);
            }
        }
        counters.Enter(ref counters.Computing, ref counters.MaxComputing);
        try
        {
            if (runner.Dead)
                throw new ApiException(500, Died);
            await compute().ConfigureAwait(false);
        }
        finally
        {
            runner.Slots.Release();
            counters.Add(ref counters.Computing, -1);
        }
    }

    private async Task ComputeAsync(HttpContext context, Generation request, AnswerFormat format, Fault? fault, Runner runner, TimeSpan load, Pace total)
    {
        var cancellation = context.RequestAborted;
        var limits = script();
        var (promptTokens, toCompute) = Prompt(request, runner, limits.PrefixCache.BlockTokens);
        var pace = new Pace(time);
        await pace.AddAsync(toCompute * PerPromptToken(request.Model), cancellation).ConfigureAwait(false);
        var prefill = pace.Elapsed;
        var answer = Answer.To(request, promptTokens, request.Runner.Context(limits.ContextLength, request.Model.Script.ContextLength));
        var perToken = request.Model.Script.TokenMilliseconds ?? limits.TokenMilliseconds;
        var sent = 0;
        for (var i = 0; i < answer.Tokens; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (fault is not null && sent == fault.AfterTokens && await StrikeAsync(context, request, format, fault, runner, answer).ConfigureAwait(false))
                return;
            await pace.AddAsync(perToken, cancellation).ConfigureAwait(false);
            sent++;
            if (!request.Stream)
                continue;
            if (i < answer.Thinking.Length)
                format.Piece(answer.Thinking[i], true);
            else if (answer.Call is { } call)
                format.Call(call);
            else
                format.Piece(answer.Content[i - answer.Thinking.Length], false);
            await SendAsync(context, format.StreamType, format).ConfigureAwait(false);
        }
        // A fault after more tokens than there are strikes at the end.
        if (fault is not null && sent <= fault.AfterTokens && await StrikeAsync(context, request, format, fault, runner, answer).ConfigureAwait(false))
            return;
        counters.Add(ref counters.Tokens, sent);
        var cost = new Cost(promptTokens, sent, total.Elapsed, load, prefill, pace.Elapsed - prefill);
        if (request.Stream)
            format.Done(answer, cost);
        else
            format.Whole(answer, cost, fault?.Kind != FaultKind.NoDone);
        await SendAsync(context, request.Stream ? format.StreamType : format.WholeType, format, !request.Stream).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        counters.Add(ref counters.Completions);
    }

    /// <summary>Applies what goes wrong in an answer; true where it ended the answer.</summary>
    private async Task<bool> StrikeAsync(HttpContext context, Generation request, AnswerFormat format, Fault fault, Runner runner, Answer answer)
    {
        switch (fault.Kind)
        {
            case FaultKind.HangMidStream:
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(false);
                return true;
            case FaultKind.DropMidStream:
                context.Abort();
                return true;
            case FaultKind.BadJson:
                Text(format, request.Stream && format.StreamType == "text/event-stream" ? "data: {\"this is\": no JSON\n\n" : "{\"this is\": no JSON\n");
                await SendAsync(context, request.Stream ? format.StreamType : format.WholeType, format, !request.Stream).ConfigureAwait(false);
                return !request.Stream;
            case FaultKind.TruncatedLine:
                format.Piece(answer.Content.Length > 0 ? answer.Content[0] : "x", false);
                var half = format.Buffer.WrittenSpan[..(format.Buffer.WrittenCount / 2)].ToArray();
                format.Buffer.ResetWrittenCount();
                format.Buffer.Write(half);
                await SendAsync(context, request.Stream ? format.StreamType : format.WholeType, format, !request.Stream).ConfigureAwait(false);
                return true;
            case FaultKind.NoDone:
                if (request.Stream)
                    await StartAsync(context, format.StreamType).ConfigureAwait(false);
                return request.Stream;
            case FaultKind.ErrorLine or FaultKind.EngineDies:
                if (fault.Kind == FaultKind.EngineDies)
                    scheduler.Kill(runner);
                var message = fault.Message ?? Died;
                if (!request.Stream || !context.Response.HasStarted)
                    throw new ApiException(500, message);
                format.Fail(message);
                await SendAsync(context, format.StreamType, format).ConfigureAwait(false);
                return true;
            default:
                return false;
        }
    }

    private (int Tokens, int ToCompute) Prompt(Generation request, Runner runner, int blockTokens)
    {
        var blocks = request.Blocks ?? PrefixCache.Blocks(request.Prompt, blockTokens);
        var tokens = Math.Max(1, Words.CountTokens(request.Prompt));
        if (request.Blocks is not null)
            tokens = Math.Max(tokens, blocks.Length * blockTokens);
        var warm = runner.Cache.Touch(blocks);
        counters.Add(ref counters.WarmBlocks, warm);
        counters.Add(ref counters.ColdBlocks, blocks.Length - warm);
        return (tokens, Math.Max(1, tokens - warm * blockTokens));
    }

    private double PerPromptToken(StoredModel model) => model.Script.PromptTokenMilliseconds ?? script().PromptTokenMilliseconds;

    private static async Task LoadedAsync(HttpContext context, Generation request, AnswerFormat format, string reason)
    {
        var answer = new Answer([], [], null, reason);
        if (format is OllamaFormat ollama)
            ollama.Loaded(reason);
        else if (request.Stream)
            format.Done(answer, default);
        else
            format.Whole(answer, default, true);
        await SendAsync(context, request.Stream && format is not OllamaFormat ? format.StreamType : format.WholeType, format, true).ConfigureAwait(false);
    }

    private static void Text(AnswerFormat format, string text) => Encoding.UTF8.GetBytes(text, format.Buffer);

    private static ValueTask StartAsync(HttpContext context, string type)
    {
        context.Response.ContentType ??= type;
        return new ValueTask(context.Response.StartAsync(context.RequestAborted));
    }

    // One HTTP chunk and one flush for each line and each event (recorded).
    private static async ValueTask SendAsync(HttpContext context, string type, AnswerFormat format, bool whole = false)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = type;
            if (whole)
                context.Response.ContentLength = format.Buffer.WrittenCount;
            if (format is MessagesFormat && !whole)
                context.Response.Headers.CacheControl = "no-cache";
        }
        await context.Response.BodyWriter.WriteAsync(format.Buffer.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
        format.Buffer.ResetWrittenCount();
    }
}
