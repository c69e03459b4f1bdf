using System.Runtime.InteropServices;
using System.Text.Json;
using Chasqui.Engines.Grammars;
using Chasqui.Engines.LlamaCpp.Decoding;
using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Residency;
using Chasqui.Engines.LlamaCpp.Sampling;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.LlamaCpp.Prompts;

/// <summary>What a request comes to: the rendered prompt, and the job unless only the prompt was wanted.</summary>
internal sealed record GenerationPlan(string Prompt, JobPlan? Job, ThinkingSplitter? Thinking);

/// <summary>Turns a request into a job: template, tokens, cut, grammar, defaults. Thread-safe.</summary>
/// <remarks>What is rendered is the requested model's; models made from the same weights share what is loaded.</remarks>
internal sealed class GenerationPlanner(PromptRenderer renderer)
{
    /// <summary>Answers without a limit, or with a larger one, still end: ten contexts, as Ollama bounds them.</summary>
    private const int UnlimitedContexts = 10;

    private const int DefaultKeep = 4;

    private const int MostTools = 512;
    private const int MostToolBytes = 1024 * 1024;

    /// <summary>Turns of one request. Each takes memory while it is rendered, however short it is.</summary>
    private const int MostTurns = 65_536;

    // Ollama's own words, which clients look for.
    private const string NoShift = "the prompt is longer than the context length currently available to the model; shorten the prompt, "
        + "adjust the context length in settings, or use a model with a longer context length";

    /// <summary>Refuses what can be refused before the model is loaded.</summary>
    internal static void Check(GenerationRequest request, ModelDescription model)
    {
        request.Options.Validate();
        if (request.TopLogprobs is < 0 or > 20)
            throw new InvalidRequestException("top_logprobs must be between 0 and 20");
        var able = model.Summary.Capabilities;
        if (!able.Contains("completion"))
            throw new UnsupportedCapabilityException(request.Model, request is ChatRequest ? "chat" : "generate");
        if (request.Think is not (null or "false") && !able.Contains("thinking"))
            throw new UnsupportedCapabilityException(request.Model, "thinking");
        if (request is ChatRequest { Tools: { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } tools })
        {
            if (tools.ValueKind != JsonValueKind.Array)
                throw new InvalidRequestException("tools must be an array of tool definitions");
            CheckTools(tools);
            // A call that must be made is held by a grammar, whatever the model knows.
            if (tools.GetArrayLength() > 0 && !able.Contains("tools") && request is not ChatRequest { ToolChoice.IsForced: true })
                throw new UnsupportedCapabilityException(request.Model, "tools");
        }
        if (request is ChatRequest { Messages.Count: > MostTurns } chatting)
        {
            throw new InvalidRequestException(FormattableString.Invariant(
                $"{chatting.Messages.Count} messages are too many for one request, which may have {MostTurns}; leave the oldest out"));
        }
        if (request is ChatRequest { ToolChoice.IsForced: true } forced)
            ForcedTool.Check(forced);

        if (request is GenerateRequest { Images.Count: > 0 } || (request is ChatRequest chat && chat.Messages.Any(m => m.Images.Count > 0)))
            throw new UnsupportedCapabilityException(request.Model, "vision");
    }

    /// <summary>All of them are rendered for each prompt, and compiled where one must be called.</summary>
    private static void CheckTools(JsonElement tools)
    {
        if (tools.GetArrayLength() is > MostTools and var count)
            throw new InvalidRequestException(FormattableString.Invariant($"{count} tools are too many for one request, which may have {MostTools}"));
        if (JsonMarshal.GetRawUtf8Value(tools).Length is > MostToolBytes and var bytes)
        {
            throw new InvalidRequestException(FormattableString.Invariant(
                $"the tools have {bytes} bytes of JSON, but may have at most {MostToolBytes}; shorten their descriptions and schemas"));
        }
    }

    /// <param name="request">What is asked.</param>
    /// <param name="description">The model as this request names it: others may share its weights under names of their own.</param>
    /// <param name="model">The weights and the caches.</param>
    /// <param name="options">The request's over the model's.</param>
    /// <param name="cancellationToken">Ends the tokenizing of a long prompt.</param>
    internal GenerationPlan Plan(
        GenerateRequest request, ModelDescription description, LoadedModel model, GenerationOptions options, CancellationToken cancellationToken)
    {
        var limit = LimitOf(model, options);
        var prompt = request.Raw ? request.Prompt : renderer.Render(request, description, limit);
        var context = request.Raw || request.Context is not { Count: > 0 } given ? [] : Checked(given, model.Weights);
        var tokens = model.Weights.TokenizeFirst(prompt, Counted(limit), addSpecial: context.Count == 0, parseSpecial: true, out var isCut, cancellationToken);
        var tokenized = new TokenizedPrompt(prompt, [.. context, .. tokens]) { IsCut = isCut };
        return Finish(request, description, model, options, tokenized, tokenized.Count, returnContext: !request.Raw, cancellationToken);
    }

    internal GenerationPlan Plan(
        ChatRequest request, ModelDescription description, LoadedModel model, GenerationOptions options, CancellationToken cancellationToken)
    {
        // Only a template of Go's kind is given the tools.
        var isTold = description.TemplateIsGo && description.Summary.Capabilities.Contains("tools");
        var shown = request.ToolChoice is { IsForced: true } && !isTold ? ForcedCall.InWords(request) : request;
        var turns = PromptRenderer.Turns(shown, description);
        var limit = LimitOf(model, options);
        TokenizedPrompt Tokenize(IReadOnlyList<ChatMessage> some)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var text = renderer.Render(shown, some, description);
            var most = ReferenceEquals(some, turns) ? Counted(limit) : limit;
            return new TokenizedPrompt(text, model.Weights.TokenizeFirst(text, most, addSpecial: true, parseSpecial: true, out var isCut, cancellationToken)) { IsCut = isCut };
        }

        // A turn has at least one token, so what has more turns than tokens fit need not be rendered to be known as too long.
        var tooMany = turns.Count > limit && (request.Truncate || !request.RenderOnly);
        if (tooMany && !request.Truncate)
            throw TooLong(turns.Count, isCut: true, limit - 1);
        TokenizedPrompt? whole = tooMany ? null : Tokenize(turns);
        var prompt = request.Truncate ? PromptCutter.FitTurns(turns, whole, Tokenize, limit - 1) : whole!.Value;
        return Finish(request, description, model, options, prompt, whole?.Count ?? turns.Count + prompt.Count, returnContext: false, cancellationToken);
    }

    private static GenerationPlan Finish(
        GenerationRequest request, ModelDescription description, LoadedModel model, GenerationOptions options, TokenizedPrompt prompt, int whole, bool returnContext,
        CancellationToken cancellationToken)
    {
        if (request.RenderOnly)
            return new GenerationPlan(prompt.Text, null, null);
        var tokens = prompt.Tokens;
        if (tokens.Length == 0)
            throw new InvalidRequestException("the prompt is empty; it must hold at least one character");

        var limit = LimitOf(model, options);
        var keep = options.NumKeep is { } n ? (n < 0 ? tokens.Length : n) : DefaultKeep;
        if (tokens.Length >= limit)
        {
            if (!request.Truncate)
                throw TooLong(tokens.Length - (prompt.IsCut ? 1 : 0), prompt.IsCut, limit - 1);
            // Cutting tokens out of the middle is a shift before the first token.
            if (!request.Shift)
                throw new ContextLengthExceededException(tokens.Length, limit - 1, NoShift);
            tokens = PromptCutter.CutMiddle(tokens, limit, keep, prompt.IsCut
                ? count => model.Weights.TokenizeLast(prompt.Text, count, addSpecial: true, parseSpecial: true, cancellationToken) : null);
        }

        var cut = Math.Max(0, whole - tokens.Length);
        var said = SaidOf(request, model.Weights);
        if (tokens.Length + said.Count >= limit)
            throw new ContextLengthExceededException(tokens.Length + said.Count, limit - 1);

        var thinking = ThinkingOf(request, description, prompt.Text);
        return new GenerationPlan(prompt.Text, new JobPlan
        {
            Prompt = [.. tokens, .. said],
            Replayed = said.Count,
            WithTokens = request.WithTokens,
            Sampling = ResolvedSampling.From(options, limit),
            Grammar = GrammarOf(request, description, thinking),
            Stops = options.Stop ?? [],
            MaxTokens = Math.Min(options.NumPredict is > 0 and var most ? most : int.MaxValue, UnlimitedContexts * limit),
            ContextLimit = limit,
            KeepTokens = Math.Min(keep, limit / 2),
            Shift = request.Shift,
            Alone = request.Alone,
            PrefixScope = request.PrefixScope,
            Logprobs = request.Logprobs,
            TopLogprobs = request.TopLogprobs,
            ReturnContext = returnContext,
            TruncatedTokens = cut,
        }, thinking is null ? null : new ThinkingSplitter(new ThinkingTags(thinking.Open, thinking.Close), thinking.IsBegun));
    }

    /// <summary>As many tokens of a prompt that is too long are counted, so that the caller is told how many there are.</summary>
    internal static int Counted(int limit) => (int)Math.Min(int.MaxValue, 4L * limit);

    internal static ContextLengthExceededException TooLong(int tokens, bool isCut, int limit) => new(tokens, limit, isCut
        ? FormattableString.Invariant($"the input length exceeds the context length: more than {tokens} tokens, where {limit} fit") : null);

    /// <summary>The tokens of what another engine said in answer to this.</summary>
    private static IReadOnlyList<int> SaidOf(GenerationRequest request, LlamaModel model) => request.SoFar switch
    {
        null => [],
        { Tokens.Count: > 0 } soFar => Checked(soFar.Tokens, model),
        // Tags of thinking are gone, and nobody knows how they were written.
        { Thinking.Length: > 0 } => throw new UnsupportedCapabilityException(request.Model, "going on with thinking whose tokens are not known"),
        var soFar => model.Tokenize(soFar.Text, addSpecial: false, parseSpecial: false, CancellationToken.None),
    };

    /// <summary>A thinking model thinks unless it was told not to; raw prompts are the caller's own affair.</summary>
    private static ThinkingPlace? ThinkingOf(GenerationRequest request, ModelDescription model, string prompt)
    {
        if (request.Think == "false" || request is GenerateRequest { Raw: true } || !model.Summary.Capabilities.Contains("thinking"))
            return null;
        var tags = model.TemplateIsGo ? ThinkingTags.Of(model.Template) : ThinkingTags.Default;
        return new ThinkingPlace(tags.Open, tags.Close, prompt.AsSpan().TrimEnd().EndsWith(tags.Open));
    }

    private static GrammarGraph? GrammarOf(GenerationRequest request, ModelDescription model, ThinkingPlace? thinking) => request.Format switch
    {
        _ when request is ChatRequest { ToolChoice: { IsForced: true } choice } chat => ToolCallGrammar.CompileGraph(
            ForcedTool.Of(chat).Select(tool => (tool.Name, tool.Parameters)), model.Template, choice.Single, thinking),
        null => null,
        { Schema: { } schema } => JsonSchemaGrammar.CompileGraph(schema),
        _ => JsonGrammar.ObjectGraph,
    };

    /// <summary>Tokens that prompt and answer may hold together.</summary>
    private static int LimitOf(LoadedModel model, GenerationOptions options) =>
        Math.Min(model.Loop.SequenceContext, Math.Clamp(options.NumCtx ?? model.ContextLength, ModelLoader.LeastContext, model.ContextLength));

    private static IReadOnlyList<int> Checked(IReadOnlyList<int> context, LlamaModel model)
    {
        // The library indexes its tables with these.
        foreach (var token in context)
        {
            if (token < 0 || token >= model.VocabularySize)
                throw new InvalidRequestException($"context holds the token {token}, but this model's tokens are 0 to {model.VocabularySize - 1}");
        }

        return context;
    }
}
