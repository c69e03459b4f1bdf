using System.CommandLine;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>The options of a generation that <c>ask</c> and <c>chat</c> share.</summary>
internal sealed class GenerationFlags
{
    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = $"The model (default: one of a node, else '{ModelNames.Shipped}', else the only one there is)",
        HelpName = "NAME",
    };

    private readonly Option<string?> _system = new("--system", "-s") { Description = "Replaces the model's system text", HelpName = "TEXT" };

    private readonly Option<float?> _temperature = new("--temperature", "-t")
    {
        Description = "Randomness, 0 to 100; 0 takes the likeliest token",
        HelpName = "NUMBER",
        CustomParser = ParseErrors.Number<float>("--temperature"),
    };

    private readonly Option<int?> _seed = new("--seed")
    {
        Description = "Same seed, same text; -1 takes a fresh one",
        HelpName = "NUMBER",
        CustomParser = ParseErrors.Number<int>("--seed"),
    };

    private readonly Option<int?> _numPredict = new("--num-predict", "-n")
    {
        Description = "Most tokens of the answer; -1 for no limit",
        HelpName = "NUMBER",
        CustomParser = ParseErrors.Number<int>("--num-predict"),
    };

    private readonly Option<string?> _format = new("--format")
    {
        Description = "The answer's form: 'json', or a JSON schema in a file",
        HelpName = "json|@FILE",
    };

    public GenerationFlags(Command command)
    {
        command.Options.Add(_model);
        command.Options.Add(_system);
        command.Options.Add(_temperature);
        command.Options.Add(_seed);
        command.Options.Add(_numPredict);
        command.Options.Add(_format);
    }

    public string? Model(ParseResult parsed) => parsed.GetValue(_model);

    public string? System(ParseResult parsed) => parsed.GetValue(_system);

    public GenerationOptions Options(ParseResult parsed)
    {
        var options = new GenerationOptions
        {
            Temperature = parsed.GetValue(_temperature),
            Seed = parsed.GetValue(_seed),
            NumPredict = parsed.GetValue(_numPredict),
        };
        try
        {
            options.Validate();
        }
        catch (InvalidOptionException e)
        {
            throw new UsageException(e.Message);
        }
        return options;
    }

    public OutputFormat? Format(ParseResult parsed)
    {
        switch (parsed.GetValue(_format))
        {
            case null:
                return null;
            case "json":
                return OutputFormat.Json;
            case ['@', .. var path] when path.Length > 0:
                return ReadSchema(path);
            case var other:
                throw new UsageException($"--format is '{other}', but must be json, or @ and the name of a file with a JSON schema");
        }
    }

    private static OutputFormat ReadSchema(string path)
    {
        const long most = 1 << 20;
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length > most)
                throw new UsageException($"the schema {path} is larger than {HumanText.Size(most)}");
            using var schema = JsonDocument.Parse(File.ReadAllBytes(path));
            return OutputFormat.FromSchema(schema.RootElement);
        }
        catch (JsonException e)
        {
            throw new UsageException($"the schema {path} is no JSON: {JsonProblem.Of(e)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the schema {path} cannot be read: {FileProblem.Of(e, path)}");
        }
    }
}
