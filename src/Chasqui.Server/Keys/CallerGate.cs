using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using CallerOf = Chasqui.Gateway.Caller;

namespace Chasqui.Server;

/// <summary>What whoever asks may do, and how fast. Asks <see cref="RequestMeasure.Current"/> who that is. Thread-safe.</summary>
internal sealed class CallerGate(TrafficShaper shaper, ModelRules rules, NodeSet nodes, GatewayOptions options)
{
    /// <summary>In the place of the most tokens of an answer: none is generated.</summary>
    public const int NoAnswer = int.MinValue;

    /// <summary>The most tokens that are reserved for an answer where no node tells the context of the model.</summary>
    private const int LongestAnswer = 131_072;

    // Prompts are measured in characters; so much may the measure be wrong before a request that can be sent in parts is refused.
    private const int DivisibleBursts = 2;

    /// <summary>Who asks.</summary>
    public static CallerOf Caller => RequestMeasure.Current?.Caller ?? CallerOf.Anonymous;

    /// <summary>The same engine as whoever asks may see and use it.</summary>
    public IEngine Guard(IEngine engine) => new GuardedEngine(engine, this);

    /// <summary>The same manager as whoever asks may use it.</summary>
    public IModelManager Guard(IModelManager manager) => new GuardedManager(manager, this, options.Models.Registries);

    /// <summary>Whether a model is there for whoever asks: by the name it asks for, or by the one that is meant.</summary>
    public bool MaySee(string model) => MaySee(Caller, model);

    /// <summary>Whether a model is there for a caller: by the name it asks for, or by the one that is meant.</summary>
    public bool MaySee(CallerOf caller, string model)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return caller.Models.Count == 0 || caller.MayUse(model) || caller.MayUse(rules.Resolve(model));
    }

    /// <exception cref="InvalidModelNameException">The name can be read in more than one way, or in none.</exception>
    /// <exception cref="PermissionDeniedException">The caller may not use the model.</exception>
    public void Ensure(string model)
    {
        // An empty name is refused by the reader of the request.
        if (model.Length == 0)
            return;
        // A name that two readers could read in two ways is refused before it is compared with anything.
        if (!ModelNames.IsWellFormed(model))
            throw new InvalidModelNameException(Field.Clip(model));
        if (!MaySee(model))
            throw new PermissionDeniedException($"key \"{Caller.Name}\" may not use model \"{Field.Clip(model)}\"; it may use {string.Join(", ", Caller.Models)}");
    }

    /// <summary>Refuses a template of a request's own where the configuration does.</summary>
    /// <exception cref="InvalidTemplateException">There is one, and it is refused.</exception>
    public void EnsureTemplate(bool hasOne)
    {
        if (hasOne && !options.Models.RequestTemplates)
            throw new InvalidTemplateException("\"template\" is not allowed here (Models:RequestTemplates is false); leave it out, and the model's own template is used");
    }

    /// <exception cref="PermissionDeniedException">Whoever asks lacks a scope.</exception>
    public static void Ensure(CallerOf caller, Scopes scope)
    {
        if (!caller.Has(scope))
            throw Lacks(caller, scope);
    }

    /// <summary>The error for a caller that lacks a scope.</summary>
    public static PermissionDeniedException Lacks(CallerOf caller, Scopes scope)
    {
        var has = ScopeNames.Of(caller.Scopes);
        return new PermissionDeniedException(
            $"key \"{caller.Name}\" lacks the scope {string.Join(", ", ScopeNames.Of(scope & ~caller.Scopes))}; it has {(has.Count == 0 ? "none" : string.Join(", ", has))}");
    }

    /// <summary>Whether the caller has any limit of requests or tokens.</summary>
    public bool IsLimited => shaper.HasLimits || !Caller.Limit.IsNone;

    /// <summary>Whether a request for a model may be let in at all, asked before its body is read.</summary>
    /// <returns>To be disposed of when the body has come; null where nothing is limited, or the request was let in already.</returns>
    /// <exception cref="RateLimitedException">A limit is reached.</exception>
    public Arrival? Expect()
    {
        if (RequestMeasure.Current is not { Limits: null } measure)
            return null;
        LimitView? view = null;
        try
        {
            return shaper.Expect(measure.Caller, out view);
        }
        catch (RateLimitedException)
        {
            // The answer tells of them.
            measure.Limits = view;
            throw;
        }
    }

    /// <summary>Lets a generation or an embedding in, once for each request; it may have to wait for its turn.</summary>
    /// <param name="model">The model as it was asked for.</param>
    /// <param name="promptCharacters">How long the prompt is.</param>
    /// <param name="maxTokens">The most tokens that are wanted; null, 0 or less where nothing is said; <see cref="NoAnswer"/> where no answer is generated.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="PermissionDeniedException">The caller may not use the model.</exception>
    /// <exception cref="RateLimitedException">A limit is reached.</exception>
    public ValueTask AdmitAsync(string model, long promptCharacters, int? maxTokens, CancellationToken cancellationToken) =>
        AdmitAsync(model, promptCharacters, maxTokens, 1, cancellationToken);

    /// <summary>The same where several answers are asked for: each may have the most tokens.</summary>
    public ValueTask AdmitAsync(string model, long promptCharacters, int? maxTokens, long answers, CancellationToken cancellationToken)
    {
        Ensure(model);
        var prompt = promptCharacters / RouteRequest.CharactersPerToken;
        if (RequestMeasure.Current is { ExpectedTokens: 0 } asking)
            asking.ExpectedTokens = (int)Math.Min(int.MaxValue, prompt);
        if (RequestMeasure.Current is not { Limits: null } measure || (!shaper.HasLimits && measure.Caller.Limit.IsNone))
            return default;
        var resolved = rules.Resolve(model);
        if (shaper.ViewOf(measure.Caller, resolved) is not { } limits)
            return default;
        measure.Limits = limits;
        var output = maxTokens switch
        {
            NoAnswer => 0,
            > 0 and var said => Math.Min(said, LongestAnswerOf(resolved)),
            _ => shaper.DefaultOutputTokens,
        };
        // What can be sent in several requests need not put all who share a limit into debt.
        if (maxTokens == NoAnswer && prompt / DivisibleBursts > limits.SmallestTokenBurst)
        {
            throw new RateLimitedException(FormattableString.Invariant(
                $"the request has about {prompt} tokens, but its limits let {limits.SmallestTokenBurst} through at once; send it in several requests"), true, null);
        }
        return AdmitAsync(measure, limits, prompt, Times(output, answers), cancellationToken);
    }

    /// <summary>Lets in what loads or unloads a model: it counts as a request of no tokens.</summary>
    /// <exception cref="PermissionDeniedException">The caller may not use the model.</exception>
    /// <exception cref="RateLimitedException">A limit is reached.</exception>
    public ValueTask AdmitLoadAsync(string model, CancellationToken cancellationToken) => AdmitAsync(model, 0, NoAnswer, cancellationToken);

    /// <summary>
    /// Whether a policy keeps the model in memory although the caller wants to unload it. With the scope <c>models</c> no policy does.
    /// </summary>
    public bool Holds(string model)
    {
        if (Caller.Has(Scopes.Models) || rules.PolicyOf(rules.Resolve(model)) is not { } policy)
            return false;
        return policy.ApplyKeepAlive(TimeSpan.Zero, []) != TimeSpan.Zero;
    }

    /// <summary>
    /// A caller with the scope <c>models</c> may unload every model. Others may not unload one that is pinned, or that another caller uses.
    /// </summary>
    /// <exception cref="PermissionDeniedException">The caller may not unload it.</exception>
    public void EnsureMayUnload(string model)
    {
        var (caller, resolved) = (Caller, rules.Resolve(model));
        foreach (var node in nodes.Catalogue.Having(resolved))
        {
            if (node.WhyHeld(resolved, caller) is { } why)
                throw new PermissionDeniedException($"key \"{caller.Name}\" may not unload model \"{Field.Clip(model)}\", which {why}; that takes the scope models");
        }
    }

    /// <summary>Lets in what writes without a model: it counts as a request of no tokens.</summary>
    /// <exception cref="RateLimitedException">A limit is reached.</exception>
    public ValueTask AdmitWriteAsync(CancellationToken cancellationToken) => AdmitAsync("", 0, NoAnswer, cancellationToken);

    /// <summary>An error without the names of models and nodes that the caller may not see.</summary>
    public static Exception Hide(Exception exception) => exception switch
    {
        ModelNotFoundException { Suggestions.Count: > 0 } missing when Caller is { Models.Count: > 0 } caller =>
            new ModelNotFoundException(missing.Model, [.. missing.Suggestions.Where(caller.MayUse)]),
        NodeNotFoundException { Nodes.Count: > 0 } missing when !Caller.Has(Scopes.Admin) => new NodeNotFoundException(missing.Node, []),
        EngineUnavailableException { WithoutNames: { } text } when !Caller.Has(Scopes.Admin) => new EngineUnavailableException(text),
        _ => exception,
    };

    /// <summary>No answer is longer than the context, whatever was asked for.</summary>
    private int LongestAnswerOf(string model)
    {
        var longest = 0;
        foreach (var node in nodes.Catalogue.Having(model))
            longest = Math.Max(longest, node.Resident(model)?.ContextLength ?? 0);
        return longest > 0 ? longest : LongestAnswer;
    }

    /// <summary>No product is so large that it becomes negative; what it is more than a burst is not reserved anyway.</summary>
    private static long Times(long tokens, long answers) => tokens > 0 && answers > long.MaxValue / tokens ? long.MaxValue : tokens * answers;

    private async ValueTask AdmitAsync(RequestMeasure measure, LimitView limits, long prompt, long answer, CancellationToken cancellationToken) =>
        measure.Admission = await shaper.AdmitAsync(limits, prompt, answer, cancellationToken).ConfigureAwait(false);
}
