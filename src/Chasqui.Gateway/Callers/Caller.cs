using Chasqui.Gateway.Catalogue;

namespace Chasqui.Gateway;

/// <summary>Who asks: whoever has the same key is the same caller. Immutable.</summary>
public sealed record Caller
{
    private readonly IReadOnlyList<string> _models = [];
    private NameFilter? _filter;

    /// <summary>Whoever has no key, while none is asked for.</summary>
    public static Caller Anonymous { get; } = new() { Id = "anonymous" };

    /// <summary>Its name: the key's id, which is no secret.</summary>
    public required string Id { get; init; }

    /// <summary>What people call the key. Default empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whose it is: answers are shared within a tenant and never beyond it. Default empty.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>Within whom answers are shared: the tenant, or where there is none this caller alone.</summary>
    public string Sharers => Tenant.Length > 0 ? "tenant " + Tenant : "caller " + Id;

    /// <summary>Its share beside others', 0.01 to 1,000. Default 1.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The class of its requests that say nothing of it. Default <see cref="PriorityClass.Normal"/>.</summary>
    public PriorityClass Priority { get; init; } = PriorityClass.Normal;

    /// <summary>The most urgent class that its requests may ask for. Default <see cref="PriorityClass.Interactive"/>.</summary>
    public PriorityClass MostUrgent { get; init; } = PriorityClass.Interactive;

    /// <summary>What it may do. Default <see cref="Scopes.All"/>.</summary>
    public Scopes Scopes { get; init; } = Scopes.All;

    /// <summary>Patterns of the models that it may use, and that it sees; none, the default, for all.</summary>
    public IReadOnlyList<string> Models
    {
        get => _models;
        init => (_models, _filter) = (value, value.Count == 0 ? null : new NameFilter(value, []));
    }

    /// <summary>How much it may ask for. Default no limit of its own.</summary>
    public TrafficLimit Limit { get; init; } = TrafficLimit.None;

    /// <summary>Requests that it may have under way at a time, 1 to 1,000,000. Default null: as many as any caller.</summary>
    public int? Concurrency { get; init; }

    /// <summary>Whether it may use a model, and sees it.</summary>
    public bool MayUse(string model) => _filter is null || _filter.Allows(model);

    /// <summary>Whether it may do something.</summary>
    public bool Has(Scopes scope) => (Scopes & scope) == scope;
}
