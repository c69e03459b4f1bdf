using System.Numerics.Tensors;
using Chasqui.Engines.Grammars;
using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>
/// Chooses the next token of one request: penalties, llama.cpp's sampler chain with random state of this request's own, and
/// a grammar where the answer has a prescribed shape. Not thread-safe; the decode thread owns it.
/// </summary>
internal sealed unsafe class TokenSampler : IDisposable
{
    /// <summary>A token's grammar may take this long at no charge…</summary>
    private static readonly TimeSpan _free = TimeSpan.FromMilliseconds(100);

    /// <summary>…and all tokens of an answer this long beyond that. Everybody else's answers wait meanwhile.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    private readonly bool _greedy;
    private readonly int _topK;
    private readonly TimeProvider _time;
    private readonly PenaltyWindow? _penalties;
    private readonly TokenGrammar? _grammar;
    private nint _chain;
    private TimeSpan _overdrawn;

    /// <param name="model">Whose tokens are chosen.</param>
    /// <param name="sampling">How.</param>
    /// <param name="grammar">What the answer must fit; null for free text.</param>
    /// <param name="time">Clock for what a grammar costs.</param>
    /// <exception cref="InvalidFormatException">The grammar may begin in too many ways.</exception>
    internal TokenSampler(LlamaModel model, ResolvedSampling sampling, GrammarGraph? grammar, TimeProvider time)
    {
        _time = time;
        _greedy = sampling.Temperature <= 0;
        _topK = sampling.TopK;
        if (sampling.Penalizes)
            _penalties = new PenaltyWindow(sampling.RepeatLastN, sampling.RepeatPenalty, sampling.FrequencyPenalty, sampling.PresencePenalty);
        if (grammar is not null)
        {
            _grammar = new TokenGrammar(model, grammar);
            // Not on the thread that decodes for everybody.
            _ = model.Order;
        }
        _chain = BuildChain(sampling);
    }

    /// <summary>Chooses a token from a row of logits and remembers it.</summary>
    /// <param name="logits">One value for each token of the vocabulary; the penalties change them.</param>
    /// <param name="scratch">Room for one candidate for each token of the vocabulary.</param>
    /// <exception cref="EngineFailedException">No token fits the grammar.</exception>
    /// <exception cref="InvalidFormatException">To follow the format takes too long.</exception>
    internal int Next(Span<float> logits, Span<LlamaTokenData> scratch)
    {
        ObjectDisposedException.ThrowIf(_chain == 0, this);
        _penalties?.Apply(logits);
        var token = _greedy ? TensorPrimitives.IndexOfMax<float>(logits) : Choose(logits, scratch, constrained: false);
        if (_grammar is not null)
            token = Constrain(_grammar, token, logits, scratch);
        _penalties?.Add(token);
        return token;
    }

    private int Constrain(TokenGrammar grammar, int token, Span<float> logits, Span<LlamaTokenData> scratch)
    {
        var started = _time.GetTimestamp();
        grammar.Begin();
        // A grammar costs a walk over the whole vocabulary; most of the time the free choice fits it anyway.
        if (!grammar.Allows(token))
            token = Choose(logits, scratch, constrained: true);
        grammar.Accept(token);

        // Where a text fits a grammar in many ways all of them are followed.
        var took = _time.GetElapsedTime(started);
        if (took > _free)
        {
            // One token alone does not spend it all: a machine may have slept meanwhile.
            var over = took - _free;
            _overdrawn += over < _patience / 2 ? over : _patience / 2;
        }

        return _overdrawn <= _patience ? token : throw new InvalidFormatException(
            "the format is too ambiguous to be followed: there are too many ways to read what was written so far; let no repetition contain another one");
    }

    /// <summary>Takes a token as chosen.</summary>
    /// <exception cref="EngineFailedException">The grammar forbids it.</exception>
    internal void Accept(int token)
    {
        if (_grammar is not null)
        {
            _grammar.Begin();
            if (!_grammar.Allows(token))
                throw new EngineFailedException("what was said so far does not fit the format");
            _grammar.Accept(token);
        }
        _penalties?.Add(token);
    }

    /// <summary>Tells the penalties what the prompt was.</summary>
    internal void Observe(ReadOnlySpan<int> promptTail)
    {
        foreach (var token in promptTail)
            _penalties?.Add(token);
    }

    public void Dispose()
    {
        if (_chain != 0)
            LlamaApi.llama_sampler_free(_chain);
        _chain = 0;
    }

    private int Choose(ReadOnlySpan<float> logits, Span<LlamaTokenData> scratch, bool constrained)
    {
        // What the chain would do first; a grammar, though, has to see every token before any is left out.
        var few = !constrained && _topK is > 0 and <= TopCandidates.MostK && _topK < logits.Length;
        var count = few ? _topK : logits.Length;
        if (few)
            TopCandidates.Select(logits, _topK, scratch);
        else if (constrained)
            count = _grammar!.Find(logits, scratch);
        else
            Everything(logits, scratch);
        if (count == 0)
            throw new EngineFailedException("no token of the model's vocabulary fits the grammar at this place");
        fixed (LlamaTokenData* data = scratch)
        {
            var candidates = new LlamaTokenDataArray
            {
                Data = data,
                Size = (nuint)count,
                Selected = -1,
                Sorted = few ? (byte)1 : (byte)0,
            };
            LlamaApi.llama_sampler_apply(_chain, &candidates);
            if (candidates.Selected < 0 || candidates.Selected >= (long)candidates.Size)
                throw new EngineFailedException("the sampler chose no token");
            return candidates.Data[candidates.Selected].Id;
        }
    }

    private static void Everything(ReadOnlySpan<float> logits, Span<LlamaTokenData> into)
    {
        for (var i = 0; i < logits.Length; i++)
            into[i] = new LlamaTokenData { Id = i, Logit = logits[i] };
    }

    private static nint BuildChain(ResolvedSampling s)
    {
        var parameters = LlamaApi.llama_sampler_chain_default_params();
        parameters.NoPerf = 1;
        var chain = LlamaApi.llama_sampler_chain_init(parameters);
        if (s.Temperature <= 0)
        {
            LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_greedy());
            return chain;
        }

        // The order is llama.cpp's own default.
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_top_k(s.TopK));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_typical(s.TypicalP, 1));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_top_p(s.TopP, 1));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_min_p(s.MinP, 1));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_temp(s.Temperature));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_dist(s.Seed));
        return chain;
    }
}
