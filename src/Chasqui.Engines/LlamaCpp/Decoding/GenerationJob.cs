using System.Threading.Channels;
using Chasqui.Engines.Grammars;
using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Sampling;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>What one generation needs to know besides its prompt.</summary>
internal sealed record JobPlan
{
    /// <summary>What is computed before the first token is chosen: the prompt, and of an answer that another engine began what it said.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>Tokens at the end of <see cref="Prompt"/> that are of the answer.</summary>
    public int Replayed { get; init; }

    /// <summary>Hand the ids of the tokens back with their text.</summary>
    public bool WithTokens { get; init; }

    public required ResolvedSampling Sampling { get; init; }

    /// <summary>GBNF with the root rule <c>root</c>; null for free text.</summary>
    public GrammarGraph? Grammar { get; init; }

    public IReadOnlyList<string> Stops { get; init; } = [];

    /// <summary>Most tokens of answer, above zero.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Tokens that prompt and answer together may hold at a time.</summary>
    public required int ContextLimit { get; init; }

    /// <summary>Tokens at the start that a shift keeps.</summary>
    public int KeepTokens { get; init; }

    public bool Shift { get; init; } = true;

    public bool Alone { get; init; }

    /// <summary>The computed beginnings that it may use, and those that it leaves, are of this scope alone.</summary>
    public string? PrefixScope { get; init; }

    public bool Logprobs { get; init; }

    public int TopLogprobs { get; init; }

    /// <summary>Hand the token ids back at the end.</summary>
    public bool ReturnContext { get; init; }

    public int TruncatedTokens { get; init; }
}

/// <summary>
/// One generation on its way through the decode loop. The loop's thread writes; one reader reads. What the reader has not
/// read is bounded: a job whose reader is behind by <see cref="BacklogLimit"/> updates is not decoded until it catches up.
/// </summary>
internal sealed class GenerationJob : IDisposable
{
    internal const int BacklogLimit = 128;

    private readonly Channel<GenerationUpdate> _updates = Channel.CreateUnbounded<GenerationUpdate>(
        new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private readonly TextAssembler _text;
    private readonly RepetitionGuard _repetitions = new();
    private readonly TimeProvider _time;
    private readonly List<int> _completion = [];
    private List<TokenLogprob>? _logprobs;
    private List<int>? _tokens;
    private bool _promptTold;
    private int _backlog;
    private int _abandoned;
    private readonly long _created;
    private long _promptStarted;
    private long _promptDone;

    internal GenerationJob(JobPlan plan, TokenSampler sampler, TimeProvider time)
    {
        Plan = plan;
        Sampler = sampler;
        _time = time;
        _created = time.GetTimestamp();
        _text = new TextAssembler(plan.Stops);
    }

    internal JobPlan Plan { get; }

    internal TokenSampler Sampler { get; }

    /// <summary>Prompt tokens that are in the cache, those taken from an earlier request included.</summary>
    internal int PromptComputed { get; set; }

    internal int CachedTokens { get; set; }

    internal bool InPrompt => PromptComputed < Plan.Prompt.Length;

    /// <summary>The token that was chosen last and is not yet in the cache.</summary>
    internal int LastToken { get; private set; }

    /// <summary>The stream has ended, in order or with a failure; the slot can go to another.</summary>
    internal bool Finished { get; private set; }

    internal bool Abandoned => Volatile.Read(ref _abandoned) != 0;

    internal bool ReaderIsBehind => Volatile.Read(ref _backlog) >= BacklogLimit;

    /// <summary>The loop to wake when the reader has caught up or left.</summary>
    internal Action? Wake { get; set; }

    /// <summary>Called by the reader when it leaves, however it leaves.</summary>
    internal void Abandon()
    {
        if (Interlocked.Exchange(ref _abandoned, 1) == 0)
            Wake?.Invoke();
    }

    internal async IAsyncEnumerable<GenerationUpdate> ReadAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var update in _updates.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (Interlocked.Decrement(ref _backlog) == BacklogLimit / 2)
                Wake?.Invoke();
            yield return update;
        }
    }

    internal void MarkPromptStarted()
    {
        if (_promptStarted == 0)
            _promptStarted = _time.GetTimestamp();
    }

    /// <summary>Takes what another engine said of this answer as said: it is handed on as one piece, and the rest follows from it.</summary>
    internal void Replay(LlamaModel model)
    {
        var text = "";
        foreach (var token in Plan.Prompt.AsSpan(Plan.Prompt.Length - Plan.Replayed))
        {
            Sampler.Accept(token);
            Take(token);
            var piece = model.Piece(token);
            _repetitions.IsTooMany(piece);
            text += _text.Push(piece);
        }
        Emit(new GenerationUpdate { Text = text, Tokens = TakeTokens() });
    }

    /// <summary>Takes the next token's logits, chooses the token and hands its text on.</summary>
    /// <returns>Whether the generation goes on.</returns>
    internal bool Advance(LlamaModel model, Span<float> logits, Span<LlamaTokenData> scratch)
    {
        if (_promptDone == 0)
            _promptDone = _time.GetTimestamp();

        // It was all said, but for the end.
        if (_text.Stopped || _completion.Count >= Plan.MaxTokens)
        {
            Finish(_text.Stopped ? FinishReason.Stop : FinishReason.Length);
            return false;
        }

        // The sampler's penalties change the row, and log-probabilities are the model's own.
        var row = Plan.Logprobs ? logits.ToArray() : null;
        var token = Sampler.Next(logits, scratch);
        if (model.EndsGeneration(token))
        {
            Finish(FinishReason.Stop);
            return false;
        }

        var piece = model.Piece(token);
        if (_repetitions.IsTooMany(piece))
        {
            Finish(FinishReason.Length);
            return false;
        }

        LastToken = token;
        Take(token);
        if (row is not null)
            (_logprobs ??= []).Add(LogprobReader.Read(model, row, token, Plan.TopLogprobs));

        var text = _text.Push(piece);
        if (_text.Stopped)
        {
            Finish(FinishReason.Stop, text);
            return false;
        }

        if (_completion.Count >= Plan.MaxTokens)
        {
            Finish(FinishReason.Length, text + _text.Finish());
            return false;
        }

        if (text.Length > 0)
            Emit(new GenerationUpdate { Text = text, Logprobs = TakeLogprobs(), Tokens = TakeTokens(), PromptTokens = TakePrompt() });
        return true;
    }

    /// <summary>Ends the stream in order.</summary>
    internal void Finish(FinishReason reason) => Finish(reason, _text.Finish());

    /// <summary>Ends the stream with a failure.</summary>
    internal void Fail(Exception error)
    {
        Finished = true;
        _updates.Writer.TryComplete(error);
    }

    public void Dispose() => Sampler.Dispose();

    private void Finish(FinishReason reason, string tail)
    {
        if (tail.Length > 0 || _logprobs is { Count: > 0 })
            Emit(new GenerationUpdate { Text = tail, Logprobs = TakeLogprobs(), Tokens = TakeTokens() });
        var now = _time.GetTimestamp();
        Emit(new GenerationUpdate
        {
            Result = new GenerationResult
            {
                Reason = reason,
                PromptTokens = Plan.Prompt.Length - Plan.Replayed,
                CachedPromptTokens = CachedTokens,
                CompletionTokens = _completion.Count,
                TotalDuration = _time.GetElapsedTime(_created, now),
                PromptDuration = _time.GetElapsedTime(_promptStarted, _promptDone),
                CompletionDuration = _time.GetElapsedTime(_promptDone, now),
                Context = Plan.ReturnContext ? [.. Plan.Prompt[..^Plan.Replayed], .. _completion] : null,
                TruncatedTokens = Plan.TruncatedTokens,
            },
        });
        Finished = true;
        _updates.Writer.TryComplete();
    }

    private void Take(int token)
    {
        _completion.Add(token);
        if (Plan.WithTokens)
            (_tokens ??= []).Add(token);
    }

    private List<int>? TakeTokens()
    {
        var taken = _tokens;
        _tokens = null;
        return taken;
    }

    private int TakePrompt()
    {
        if (_promptTold)
            return 0;
        _promptTold = true;
        return Plan.Prompt.Length - Plan.Replayed;
    }

    private List<TokenLogprob>? TakeLogprobs()
    {
        var taken = _logprobs;
        _logprobs = null;
        return taken;
    }

    private void Emit(GenerationUpdate update)
    {
        Interlocked.Increment(ref _backlog);
        _updates.Writer.TryWrite(update);
    }
}
