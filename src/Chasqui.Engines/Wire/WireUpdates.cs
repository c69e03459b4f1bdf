using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Wire;

/// <summary>Parts of an answer as messages of the wire, and back.</summary>
public static class WireUpdates
{
    /// <summary>To the wire.</summary>
    /// <param name="update">The update.</param>
    /// <param name="withTokens">Whether the ids of its tokens were asked for; an engine may tell them anyway.</param>
    public static Messages.GenerationUpdate ToWire(GenerationUpdate update, bool withTokens = true)
    {
        ArgumentNullException.ThrowIfNull(update);
        var wire = new Messages.GenerationUpdate { Text = update.Text, Thinking = update.Thinking, HasLogprobs = update.Logprobs is not null };
        foreach (var logprob in update.Logprobs ?? [])
            wire.Logprobs.Add(ToWire(logprob));
        if (update.RenderedPrompt is not null)
            wire.RenderedPrompt = update.RenderedPrompt;
        if (update.Result is { } result)
            wire.Result = ToWire(result);
        if (update.ToolCalls is { } calls)
            wire.ToolCalls = calls.GetRawText();
        if (withTokens && update.Tokens is { } tokens)
            wire.Tokens.AddRange(tokens);
        wire.PromptTokens = update.PromptTokens;
        return wire;
    }

    /// <summary>From the wire.</summary>
    public static GenerationUpdate FromWire(Messages.GenerationUpdate wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new GenerationUpdate
        {
            Text = wire.Text,
            Thinking = wire.Thinking,
            Logprobs = wire.HasLogprobs ? [.. wire.Logprobs.Select(FromWire)] : null,
            RenderedPrompt = wire.HasRenderedPrompt ? wire.RenderedPrompt : null,
            Result = wire.Result is { } result ? FromWire(result) : null,
            ToolCalls = wire.HasToolCalls ? WireRequests.Json("tool_calls", wire.ToolCalls) : null,
            Tokens = wire.Tokens.Count > 0 ? [.. wire.Tokens] : null,
            PromptTokens = wire.PromptTokens,
        };
    }

    /// <summary>To the wire.</summary>
    public static Messages.EmbedResponse ToWire(EmbedResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var wire = new Messages.EmbedResponse
        {
            PromptTokens = result.PromptTokens,
            TotalNs = WireTime.ToWire(result.TotalDuration),
            LoadNs = WireTime.ToWire(result.LoadDuration),
        };
        foreach (var vector in result.Vectors)
        {
            var values = new Messages.Vector();
            values.Values.AddRange(vector);
            wire.Vectors.Add(values);
        }

        return wire;
    }

    /// <summary>From the wire.</summary>
    public static EmbedResult FromWire(Messages.EmbedResponse wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new EmbedResult
        {
            Vectors = [.. wire.Vectors.Select(v => v.Values.ToArray())],
            PromptTokens = wire.PromptTokens,
            TotalDuration = WireTime.FromWire(wire.TotalNs),
            LoadDuration = WireTime.FromWire(wire.LoadNs),
        };
    }

    private static Messages.TokenLogprob ToWire(TokenLogprob logprob)
    {
        var wire = new Messages.TokenLogprob { Token = logprob.Token, Raw = ByteString.CopyFrom(logprob.Bytes.Span), Logprob = logprob.Logprob };
        wire.Alternatives.AddRange(logprob.Alternatives.Select(ToWire));
        return wire;
    }

    private static TokenLogprob FromWire(Messages.TokenLogprob wire) =>
        new(wire.Token, wire.Raw.Memory, wire.Logprob, [.. wire.Alternatives.Select(FromWire)]);

    private static Messages.GenerationResult ToWire(GenerationResult result)
    {
        var wire = new Messages.GenerationResult
        {
            Reason = result.Reason == FinishReason.Length ? Messages.FinishReason.Length : Messages.FinishReason.Stop,
            PromptTokens = result.PromptTokens,
            CachedPromptTokens = result.CachedPromptTokens,
            CompletionTokens = result.CompletionTokens,
            ReasoningTokens = result.ReasoningTokens,
            TotalNs = WireTime.ToWire(result.TotalDuration),
            LoadNs = WireTime.ToWire(result.LoadDuration),
            PromptNs = WireTime.ToWire(result.PromptDuration),
            CompletionNs = WireTime.ToWire(result.CompletionDuration),
            HasContext = result.Context is not null,
            TruncatedTokens = result.TruncatedTokens,
        };
        wire.Context.AddRange(result.Context ?? []);
        wire.Continuations = result.Continuations;
        if (result.Session is { } session)
            wire.Session = new Messages.SessionMark { Id = session.Id, Version = session.Version, Omitted = session.Omitted };
        return wire;
    }

    private static GenerationResult FromWire(Messages.GenerationResult wire) => new()
    {
        Reason = wire.Reason == Messages.FinishReason.Length ? FinishReason.Length : FinishReason.Stop,
        PromptTokens = wire.PromptTokens,
        CachedPromptTokens = wire.CachedPromptTokens,
        CompletionTokens = wire.CompletionTokens,
        ReasoningTokens = wire.ReasoningTokens,
        TotalDuration = WireTime.FromWire(wire.TotalNs),
        LoadDuration = WireTime.FromWire(wire.LoadNs),
        PromptDuration = WireTime.FromWire(wire.PromptNs),
        CompletionDuration = WireTime.FromWire(wire.CompletionNs),
        Context = wire.HasContext ? [.. wire.Context] : null,
        TruncatedTokens = wire.TruncatedTokens,
        Continuations = wire.Continuations,
        Session = wire.Session is { } session ? new SessionMark(session.Id, session.Version, session.Omitted) : null,
    };
}
