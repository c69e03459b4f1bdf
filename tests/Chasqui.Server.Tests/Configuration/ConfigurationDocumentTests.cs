using Chasqui.Gateway;

namespace Chasqui.Server.Tests;

/// <summary>The table of keys is the truth; run with CHASQUI_WRITE_DOCS=1 to write the files from it anew.</summary>
public sealed class ConfigurationDocumentTests
{
    private const string TableHead = "| --- | --- | --- | --- |\n";

    private static readonly bool _write = Environment.GetEnvironmentVariable("CHASQUI_WRITE_DOCS") == "1";

    public static TheoryData<string> Tables() => ["", .. ConfigurationTable.All.Select(table => table.Name)];

    [Theory]
    [MemberData(nameof(Tables))]
    public void The_document_has_a_row_for_each_key_and_no_other(string list)
    {
        var path = Path.Combine(Repository.Root, "docs", "configuration.md");
        var document = File.ReadAllText(path);
        var table = ConfigurationTable.All.FirstOrDefault(table => table.Name == list);
        var heading = table is null ? "## Every other key\n" : $"### `{table.Name}`\n\n{table.Meaning} Default: {table.Default}.\n";
        Assert.Contains(heading, document, StringComparison.Ordinal);
        var start = document.IndexOf(TableHead, document.IndexOf(heading, StringComparison.Ordinal), StringComparison.Ordinal) + TableHead.Length;
        var end = document.IndexOf("\n\n", start - 1, StringComparison.Ordinal) + 1;
        var rows = string.Concat((table?.Keys ?? ConfigurationKey.All).Select(key =>
            $"| `{key.Name}` | {(key.IsRequired ? "must be given" : key.Default)} | {key.Expected} | {key.Meaning}{(key.Reloads ? " ↻" : "")} |\n"));
        if (_write)
            File.WriteAllText(path, document = document[..start] + rows + document[end..]);

        Assert.Equal(rows, document[start..(start + rows.Length)]);
        Assert.Equal('\n', document[start + rows.Length]);
    }

    [Fact]
    public void The_examples_in_the_document_are_right()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"));
        var folder = Directory.CreateTempSubdirectory("chasqui-config-").FullName;
        var examples = document.Split("```json\n").Skip(1).Select(part => part[..part.IndexOf("```", StringComparison.Ordinal)]).ToList();
        Assert.True(examples.Count >= 2);
        foreach (var example in examples)
        {
            var path = Path.Combine(folder, "chasqui.json");
            File.WriteAllText(path, example.Replace("env:GPU1_KEY", "secret", StringComparison.Ordinal));
            GatewayConfiguration.Read([ConfigurationSource.File(path)]);
        }
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void The_schema_is_the_one_that_the_keys_make()
    {
        var path = Path.Combine(Repository.Root, "chasqui.schema.json");
        if (_write)
            File.WriteAllText(path, ConfigurationSchema.Write());

        Assert.Equal(ConfigurationSchema.Write(), File.ReadAllText(path));
    }

    [Fact]
    public void The_defaults_that_are_told_are_those_that_hold()
    {
        var plain = new GatewayOptions();
        foreach (var key in ConfigurationKey.All.Where(key => (key.SchemaType != "string" && !IsWords(key))
            || key.Name is "Models:KeepAlive" or "Shutdown:DrainTimeout" or "Http:Endpoints" or "Engine:Process" || key.Name.StartsWith("Routing:", StringComparison.Ordinal) || key.Name == "Limits:MaxDelay"))
        {
            // Setting a key to its told default changes nothing.
            var set = key.Apply(plain, [key.Default.Split(' ')[0]]);
            Assert.Equal(plain with { Http = plain.Http with { Endpoints = [] } }, set! with { Http = set.Http with { Endpoints = [] } });
            Assert.Equal(plain.Http.Endpoints, set.Http.Endpoints);
        }
    }

    [Fact]
    public void So_are_those_of_nodes_and_policies()
    {
        foreach (var table in ConfigurationTable.All)
        {
            foreach (var key in table.Keys.Where(key => key.Name is not ("Name" or "Slots" or "MaxModels" or "Memory" or "ApiKey" or "Allow" or "Deny") && !key.IsRequired && !IsWords(key)))
            {
                var plain = Read(table, []);
                var set = Read(table, new() { [key.IsList ? $"{key.Name}:0" : key.Name] = key.Default });
                Assert.Equal(plain.Nodes ?? [], set.Nodes ?? []);
                Assert.Equal(plain.Policies.Select(Show), set.Policies.Select(Show));
                Assert.Equal(plain.Limits.Models.Select(limit => string.Join(';', limit.Models)), set.Limits.Models.Select(limit => string.Join(';', limit.Models)));
            }
        }

        static string Show(ModelPolicy policy) => $"{string.Join(';', policy.Models)} {policy.NumCtx} {policy.NumBatch} {policy.KeepAlive}";
    }

    /// <summary>Limits that are none have no number.</summary>
    private static bool IsWords(KeyDescription key) => key.SchemaType == "integer" && char.IsAsciiLetter(key.Default[0]);

    private static GatewayOptions Read(ConfigurationTable table, Dictionary<string, string?> item)
    {
        foreach (var key in table.Keys.Where(key => key.IsRequired))
            item[key.Name] = key.Name == "Url" ? "http://h:1" : key.Name;
        if (item.Count == 0)
            item["Models"] = "*";
        return GatewayConfiguration.Read([ConfigurationSource.CommandLine(item.ToDictionary(entry => $"{table.Name}:0:{entry.Key}", entry => entry.Value))]);
    }
}
