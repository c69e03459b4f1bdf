using System.CommandLine;
using Chasqui.Gateway;
using Chasqui.Server;

namespace Chasqui.Cli;

/// <summary><c>keys add NAME</c>: makes a key, and shows it this once.</summary>
internal sealed class KeysAddVerb
{
    private readonly Argument<string> _name = new("NAME") { Description = "What people call it, such as the program or the person that gets it" };
    private readonly Option<string?> _tenant = Text("--tenant", "TENANT", "Whose it is; cached answers are shared within a tenant and never beyond it");
    private readonly Option<string?> _weight = Text("--weight", "W", "Its share beside other keys', 0.01 to 1000 (default 1)");
    private readonly Option<string?> _priority = Text("--priority", "CLASS", "The class of its requests that say nothing of it: interactive, normal or batch (default normal)");
    private readonly Option<string?> _mostUrgent = Text("--most-urgent", "CLASS", "The most urgent class that its requests may ask for (default interactive)");
    private readonly Option<string?> _requests = Text("--rpm", "N", "Requests a minute; 0 for none at all (default no limit)");
    private readonly Option<string?> _requestBurst = Text("--burst", "N", "Requests at once after a pause (default those of a minute)");
    private readonly Option<string?> _tokens = Text("--tpm", "N", "Tokens of prompts and answers a minute; 0 for none at all (default no limit)");
    private readonly Option<string?> _tokenBurst = Text("--token-burst", "N", "Tokens at once after a pause (default those of a minute)");
    private readonly Option<string?> _concurrency = Text("--concurrent", "N", "Requests that may run or wait at a time (default Limits:RequestsPerCaller)");
    private readonly Option<string[]> _models = new("--models")
    {
        Description = "The models that it may use and sees, such as 'llama3*'; several, or given again (default all)",
        HelpName = "PATTERN",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _scopes = Text("--scopes", "SCOPES", "What it may do, with commas between: infer, models, admin (default infer)");
    private readonly Option<string?> _expires = Text("--expires", "TIME", "When it ends: after 90d or 12h, or at 2027-01-31 (default never)");
    private readonly KeyFolder _folder = new();
    private readonly CliContext _context;

    private KeysAddVerb(CliContext context) => _context = context;

    public static Command Build(CliContext context)
    {
        var verb = new KeysAddVerb(context);
        var command = new Command("add", "Make a key; it is shown this once")
        {
            verb._name, verb._tenant, verb._weight, verb._priority, verb._mostUrgent, verb._requests, verb._requestBurst, verb._tokens, verb._tokenBurst,
            verb._concurrency,
            verb._models, verb._scopes, verb._expires,
        };
        verb._folder.AddTo(command);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private static Option<string?> Text(string name, string help, string description) => new(name) { Description = description, HelpName = help };

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (id, text) = KeySecret.Make();
        var key = new AccessKey
        {
            Caller = Caller(parsed, id),
            Hash = KeySecret.Hash(text),
            Created = _context.Time.GetUtcNow(),
            Expires = parsed.GetValue(_expires) is { } expires ? Expiry(expires) : null,
        };
        await _folder.File(parsed, _context).ChangeAsync(
            keys => keys.FirstOrDefault(other => other.Caller.Name == key.Caller.Name) is { } same
                ? throw new CliException($"there is a key '{same.Caller.Name}' already, {same.Id}; remove it with 'chasqui keys rm {same.Caller.Name}{_folder.Again(parsed)}', or choose another name")
                : [.. keys, key],
            cancellationToken);
        var console = _context.Console;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            console.Out.WriteLine(KeysJson.Added(key, text));
            return ExitCodes.Success;
        }
        console.Remark($"Key {key.Caller.Name} is made. Copy it now, it cannot be shown again:");
        console.Out.WriteLine(text);
        console.Out.Flush();
        console.Remark(_folder.Describe(parsed, "It"));
        return ExitCodes.Success;
    }

    private Caller Caller(ParseResult parsed, string id) => new()
    {
        Id = id,
        Name = KeyFields.Text(parsed.GetRequiredValue(_name)) ?? throw Wrong("NAME", parsed.GetRequiredValue(_name), KeyFields.ExpectedName),
        Tenant = Read(parsed, _tenant, text => KeyFields.Text(text), KeyFields.ExpectedName) ?? "",
        Weight = Value(parsed, _weight, KeyFields.Weight, KeyFields.ExpectedWeight) ?? 1,
        Priority = Value(parsed, _priority, KeyFields.Priority, KeyFields.ExpectedPriority) ?? PriorityClass.Normal,
        MostUrgent = Value(parsed, _mostUrgent, KeyFields.Priority, KeyFields.ExpectedPriority) ?? PriorityClass.Interactive,
        Scopes = Scopes(parsed.GetValue(_scopes) ?? "infer"),
        Models = [.. (parsed.GetValue(_models) ?? []).Select(pattern => KeyFields.Pattern(pattern) ?? throw Wrong("--models", pattern, KeyFields.ExpectedPattern))],
        Concurrency = (int?)Value(parsed, _concurrency, KeyFields.Concurrency, KeyFields.ExpectedConcurrency),
        Limit = new TrafficLimit
        {
            RequestsPerMinute = Value(parsed, _requests, KeyFields.Limit, KeyFields.ExpectedLimit),
            RequestBurst = Value(parsed, _requestBurst, KeyFields.Burst, KeyFields.ExpectedBurst),
            TokensPerMinute = Value(parsed, _tokens, KeyFields.Limit, KeyFields.ExpectedLimit),
            TokenBurst = Value(parsed, _tokenBurst, KeyFields.Burst, KeyFields.ExpectedBurst),
        },
    };

    private static Scopes Scopes(string text)
    {
        var scopes = Gateway.Scopes.None;
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
            scopes |= ScopeNames.Read(name) ?? throw Wrong("--scopes", text, $"of {ScopeNames.Expected}, with commas between");
        return scopes;
    }

    private DateTimeOffset Expiry(string text)
    {
        var now = _context.Time.GetUtcNow();
        // A date has hyphens, and a duration has none.
        var at = text.Contains('-', StringComparison.Ordinal) && text != "-1" ? KeyFields.Time(text) ?? throw Wrong("--expires", text, KeyFields.ExpectedTime) : After(now, text);
        return at > now ? at : throw new UsageException($"--expires is '{text}', which is over already");
    }

    private static DateTimeOffset After(DateTimeOffset now, string text)
    {
        var time = TimeText.Parse("--expires", text);
        return time == Timeout.InfiniteTimeSpan ? throw new UsageException("--expires is for ever, which is so without it") : now + time;
    }

    private static T? Value<T>(ParseResult parsed, Option<string?> option, Func<string, T?> read, string expected) where T : struct =>
        parsed.GetValue(option) is not { } text ? null : read(text) ?? throw Wrong(option.Name, text, expected);

    private static string? Read(ParseResult parsed, Option<string?> option, Func<string, string?> read, string expected) =>
        parsed.GetValue(option) is not { } text ? null : read(text) ?? throw Wrong(option.Name, text, expected);

    private static UsageException Wrong(string option, string text, string expected) => new($"{option} is '{text}', but must be {expected}");
}
